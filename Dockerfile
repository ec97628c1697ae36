# syntax=docker/dockerfile:1

# Go compiles for any platform on the builder's own.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X tipoff/app.stamped=$VERSION" -o /out/tipoff . \
    && mkdir /out/data

FROM scratch
ARG VERSION=
LABEL org.opencontainers.image.title="Tipoff" \
      org.opencontainers.image.description="NBA schedules as Todoist tasks, right all season" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/tipoff /tipoff
COPY --from=build --chown=65532:65532 /out/data /data
ENV TIPOFF_ADDR=:8080 TIPOFF_DATA_DIR=/data
USER 65532:65532
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=6s --start-period=10s CMD ["/tipoff", "healthcheck"]
ENTRYPOINT ["/tipoff"]
