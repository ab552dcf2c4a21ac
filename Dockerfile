# syntax=docker/dockerfile:1.7
# One file, two images: compose.yaml builds `bmp` for CPUs and, with --profile cuda, `bmp-cuda`.
# They differ in the index that PyTorch comes from.
FROM python:3.11.14-slim-bookworm

# what OpenCV loads
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1=1.6.0-1 libglib2.0-0=2.74.* \
    && rm -rf /var/lib/apt/lists/*

# not root: what is written into a mounted folder belongs to the user
ARG UID=1000
ARG GID=1000
RUN groupadd --gid "$GID" bmp && useradd --uid "$UID" --gid "$GID" --create-home bmp \
    && mkdir -p /app /work && chown bmp:bmp /app /work
USER $UID:$GID
WORKDIR /app
ENV PATH=/home/bmp/venv/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1 SAM2_BUILD_CUDA=0
RUN python -m venv /home/bmp/venv && pip install pip==25.3 setuptools==80.9.0 wheel==0.45.1

# a layer for what is largest and changes least, one for the packages, one for the project
ARG TORCH_INDEX=https://pypi.org/simple
RUN pip install torch==2.14.1 torchvision==0.29.1 --index-url "$TORCH_INDEX" \
    && pip install --no-build-isolation sam2==1.1.0
COPY --chown=bmp pyproject.toml setup.py README.md LICENSE ./
RUN mkdir -p mmpose bmp && touch mmpose/__init__.py bmp/__init__.py \
    && pip install --no-build-isolation . && pip uninstall -y bbox-mask-pose && rm -r mmpose bmp
COPY --chown=bmp . .
RUN pip install --no-build-isolation --no-deps -e .

# weights that are downloaded stay in the volume that compose.yaml mounts here
ENV TORCH_HOME=/home/bmp/cache
RUN mkdir -p /home/bmp/cache
WORKDIR /work
ENTRYPOINT ["bmp"]
CMD ["demo", "--out", "/work/outputs/demo"]
