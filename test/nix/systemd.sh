#!/usr/bin/env bash
# Starts the units of the NixOS module under a real systemd, in a container whose root is this machine's. What the container
# changes stays in memory. It ends with status 1 at the first thing that is not as it should be.
#
#   test/nix/systemd.sh GIVEN BARE
#
#   GIVEN, BARE   folders of units: nix build .#checks.SYSTEM.module.given and .bare (with .#checks.SYSTEM.fdnix and .index, and
#                 after nix run .#services -- --help, which builds the emulators)
#   STORE         the folder that holds the store (default: /nix/store)
#   PROGRAMS      PATH of the nightly job, where the Nix of its units was not built: folders with nix and coreutils
#
# Needs root, Linux with overlayfs, systemd-container and curl.
set -euo pipefail
given=$1 bare=$2 store=${STORE:-/nix/store}
dir=$(mktemp -d)
container=
finish() {
  if [ -n "$container" ]; then inside systemctl poweroff 2> /dev/null || kill "$container"; wait "$container" || true; fi
  umount --lazy "$dir/root" "$dir/memory" 2> /dev/null || true
  rmdir "$dir/root" "$dir/memory" && rm -r "$dir"
}
inside() { nsenter --target "$(pgrep --parent "$container" --exact systemd)" -m -u -i -n -p -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"; }
say() { printf '== %s\n' "$*"; }
wrong() { echo "wrong: $*" >&2; inside journalctl --no-pager --output=cat --unit='fdnix*' | tail -20 >&2; exit 1; }
is() { [ "$(inside systemctl is-active "$1" || true)" = "$2" ] || wrong "$1 is not $2"; }
# A path of the API, over the socket or the port. The first request may wait for a model to be loaded.
ask() { inside curl --silent --fail --max-time 60 "$@"; }

# The units of a folder, at home in the container. What the store lacks is taken from this machine.
install_units() { # FOLDER
  local units=$dir/root/etc/systemd/system unit program
  rm -rf "$units"/fdnix* "$dir/root/var/lib/fdnix"
  for unit in "$1"/*.*; do sed '/LOCALE_ARCHIVE\|TZDIR/d' "$unit" > "$units/${unit##*/}"; done
  if [ -n "${PROGRAMS:-}" ]; then sed -i "s#^Environment=\"PATH=.*#Environment=\"PATH=$PROGRAMS\"#" "$units"/fdnix*.service; fi
  program=$(sed -n 's/^ExecStart="\?\([^" ]*\).*/\1/p' "$units/fdnix-first.service")
  if [ ! -e "$store/${program#/nix/store/}" ]; then
    (echo '#!/bin/sh -e' && cat "$1/first") > "$dir/root/opt/fdnix-first"
    chmod 755 "$dir/root/opt/fdnix-first"
    sed -i 's#^ExecStart=.*#ExecStart=/opt/fdnix-first#' "$units/fdnix-first.service"
  fi
}

mkdir "$dir/memory" "$dir/root"
trap finish EXIT
mount -t tmpfs tmpfs "$dir/memory" && mkdir "$dir/memory/upper" "$dir/memory/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/memory/upper,workdir=$dir/memory/work" "$dir/root"
chroot "$dir/root" useradd --system --home-dir /var/lib/fdnix --user-group fdnix
install_units "$given"
# Nothing else of this machine is to be started.
systemd-nspawn --quiet --register=no --keep-unit --directory="$dir/root" --private-network --bind-ro="$store:/nix/store" \
  --console=passive --boot systemd.unit=basic.target > "$dir/console" 2>&1 & container=$!
for _ in {1..100}; do inside systemctl is-active --quiet basic.target 2> /dev/null && break; sleep 0.3; done
say "$(inside systemctl --version | head -1), cgroup $(stat --file-system --format=%T /sys/fs/cgroup)"

say 'an index is given: any user searches, and an early connection is answered'
inside systemctl start fdnix-search.socket fdnix.timer
is fdnix-search.service inactive
early=$(mktemp -p "$dir")
ask --unix-socket /run/fdnix.sock 'http://fdnix/api/v1/search?q=hello&limit=1' > "$early" & connection=$!
sleep 1
inside systemctl start fdnix-first.service
wait "$connection" || wrong 'no answer over the socket'
grep -q '"packageName":"hello"' "$early" || wrong "$(cat "$early")"
program=$(sed -n 's/^ExecStart="\([^"]*\).*/\1/p' "$given/fdnix-search.service")
inside setpriv --reuid=nobody --clear-groups env FDNIX_INDEX=/var/lib/fdnix/index.sqlite "$program" search --quiet hello | grep -q ^hello
[ "$(inside systemctl show --property=User --value fdnix-search.service)" = fdnix ] || wrong 'another user'

say 'the nightly job takes its place, and the server follows'
inside systemctl start fdnix.service || wrong 'the nightly job failed'
inside test ! -L /var/lib/fdnix/index.sqlite || wrong 'the index is still the given one'
night=$(inside systemctl show --property=ExecMainExitTimestamp --value fdnix.service)
fresh=
for _ in {1..60}; do
  created=$(ask --unix-socket /run/fdnix.sock http://fdnix/api/v1/status | sed 's/.*"created":"\([^"]*\).*/\1/')
  # The given index has the time of its nixpkgs, which is weeks ago.
  if [ "${created%%T*}" = "$(date --utc --date="$night" +%F)" ]; then fresh=yes; break; fi
  sleep 0.5
done
[ -n "$fresh" ] || wrong "the server still has the index of $created"
inside systemctl restart fdnix-first.service
inside test ! -L /var/lib/fdnix/index.sqlite || wrong 'the given index has replaced a newer one'

say 'what is stopped stays stopped'
inside systemctl stop fdnix-search.socket fdnix-search.service fdnix.timer
inside systemctl start fdnix.service && sleep 2
is fdnix-search.service inactive

say 'no index is given: the server waits, the first job makes one'
install_units "$bare"
inside systemctl daemon-reload
inside systemctl start fdnix-search.service && sleep 3
is fdnix-search.service active
inside systemctl start fdnix-first.service
for _ in {1..120}; do ask http://127.0.0.1:8080/readyz > /dev/null && break; sleep 0.5; done
ask 'http://127.0.0.1:8080/api/v1/search?q=hello&limit=1' | grep -q '"packageName":"hello"' || wrong 'no answer'

say 'a server that is killed comes back, one that is stopped does not'
inside systemctl kill --signal=KILL --kill-who=main fdnix-search.service && sleep 8
is fdnix-search.service active
[ "$(inside systemctl show --property=NRestarts --value fdnix-search.service)" = 1 ] || wrong 'not restarted once'
inside systemctl stop fdnix-search.service
inside systemctl start fdnix.service && sleep 2
is fdnix-search.service inactive

say 'the emulators of AWS serve this machine only, under a user of their own'
inside systemctl start fdnix-local-aws.service
[ "$(inside systemctl show --property=DynamicUser --value fdnix-local-aws.service)" = yes ] || wrong 'another user'
for _ in {1..100}; do ask --output /dev/null --no-fail http://127.0.0.1:4566 && break; sleep 0.1; done
fdnix() { inside env HOME=/root USE_LOCALSTACK=true "$program" "$@"; }
fdnix init > /dev/null
status=$(fdnix status || true)
[[ $status = 'store: dynamodb:fdnix-packages'* ]] || wrong "$status"
inside systemctl stop fdnix-local-aws.service
[ "$(inside systemctl show --property=Result --value fdnix-local-aws.service)" = success ] || wrong 'did not end cleanly'
if ask --output /dev/null --no-fail http://127.0.0.1:4566; then wrong 'something answers yet'; fi
say 'all as it should be'
