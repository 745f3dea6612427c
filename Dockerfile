# The whole network in one image: installed from this clone with the versions of constraints.txt, run by a user without rights.
# The second stage holds what the installation made and nothing that made it.

FROM docker.io/library/python:3.13-slim AS build
COPY . /src
RUN python -m venv /opt/warifu \
 && /opt/warifu/bin/pip install --quiet --no-cache-dir --disable-pip-version-check -c /src/constraints.txt "/src[postgres]" \
 && /opt/warifu/bin/pip uninstall --quiet --yes pip

FROM docker.io/library/python:3.13-slim
COPY --from=build /opt/warifu /opt/warifu
# A folder a party, each the place of a volume of its own (docker-compose.yml), and one for the database owner's password.
RUN useradd --uid 10001 --create-home warifu \
 && cd / && install -d -m 0700 -o warifu -g warifu /secrets /state \
    /state/numbering /state/gateway /state/residency /state/tax /state/health_insurance /state/welfare \
    /state/portal /state/watchdog /state/counter /state/simulator
# XDG_STATE_HOME: where verbs look for running networks; XDG_CACHE_HOME: where `warifu serve` keeps filled ones. /tmp, so that the image
# can run read-only.
ENV PATH=/opt/warifu/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_STATE_HOME=/tmp \
    XDG_CACHE_HOME=/tmp/cache
USER warifu
WORKDIR /home/warifu
EXPOSE 8170 8171 8172 8173 8174 8175
STOPSIGNAL SIGTERM
ENTRYPOINT ["warifu"]
CMD ["demo", "--state", "/state", "--port", "8170", "--listen", "0.0.0.0", "--no-browser"]
