# The image of one function, as `fn deploy` (func.yaml) and `docker build` make it:
#
#   docker build --build-arg FUNCTION=sweep --build-arg VERSION="$(git describe --tags --always --dirty)" \
#     --build-arg REVISION="$(git rev-parse HEAD)" -t sweep .
#
# `keyturn deploy build` makes the same without a container engine: its layer is this one's, to the byte. Flags, path,
# owner, mode and time of the binary are written down in both, and test/image compares the results.

# Where BuildKit builds for another platform, the compiler runs on the builder's own; the classic builder knows neither.
FROM --platform=${BUILDPLATFORM:-linux/amd64} golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
COPY pkg pkg/
COPY functions functions/
ARG GOPROXY
ENV CGO_ENABLED=0 GOOS=linux GOARCH=amd64 GOAMD64=v1 GOFLAGS= GOEXPERIMENT= GODEBUG= GOTOOLCHAIN=local
# The version is part of the binary: mails, records and preflights show it.
ARG VERSION=unknown
# Both functions, since the second costs next to nothing, and its image then has its layers in the cache.
RUN for f in rotate sweep; do \
      go build -trimpath -buildvcs=false -ldflags="-s -w -buildid= -X github.com/keyturn/keyturn/pkg/version.stamped=$VERSION" -o /out/$f ./functions/$f || exit 1; \
    done && \
    chmod 0755 /out/* && touch -d @0 /out/*

FROM --platform=linux/amd64 scratch
ARG FUNCTION=rotate
COPY --from=build /out/${FUNCTION} /function
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="keyturn/${FUNCTION}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="https://github.com/keyturn/keyturn" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 1000:1000
ENTRYPOINT ["/function"]
