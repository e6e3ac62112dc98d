# CPU:   docker build -t egotool .
# CUDA:  docker build -t egotool:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 .
# Run:   docker run --rm -it -v "$PWD":/work egotool extract videos/
#        docker run --rm -it -v "$PWD":/work --gpus all --ipc=host egotool:cuda train dynamic-net
#        (--ipc=host: the processes that load clips hand them over in /dev/shm, of which Docker gives 64 MiB)
FROM python:3.12-slim

# The CUDA wheels of torch bring their own CUDA libraries; the host brings the driver.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

# What the OpenCV wheel links but does not bring.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libgl1 libglib2.0-0 libxcb1 \
 && rm -rf /var/lib/apt/lists/*

RUN pip install --no-cache-dir --index-url "${TORCH_INDEX}" torch torchvision

COPY pyproject.toml README.md LICENSE /opt/egotool/
COPY src /opt/egotool/src
COPY data_manifests /opt/egotool/data_manifests
RUN pip install --no-cache-dir /opt/egotool

# Compiled kernels, and matplotlib's list of fonts, are cached where any user may write.
ENV NUMBA_CACHE_DIR=/tmp/numba-cache MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /work
ENTRYPOINT ["egotool"]
CMD ["--help"]
