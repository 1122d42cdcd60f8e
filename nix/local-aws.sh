# DynamoDB, S3 and Bedrock for as long as the shell that sources this file lives. $fdnix_services is the program; the port
# is LocalStack's, or that of LOCALSTACK_HOST=localhost:PORT, by which fdnix finds it too. It needs bash 4.4 or newer, and nothing else that a shell of Nix lacks.
# shellcheck shell=bash

# Without this variable, a command in this shell would go to the real account, even if nothing could be started.
export USE_LOCALSTACK=true

# Runs the program until it ends or the process SHELL does. `nix develop --command` replaces the shell by another program,
# which keeps the process id but forgets the trap below, so that only the process id tells when to stop.
_fdnix_serve() { # SHELL PORT LOG
  # shellcheck disable=SC2154 # the shell that sources this file sets it
  "$fdnix_services" --port "$2" < /dev/null > "$3" 2>&1 &
  local program=$!
  while kill -0 "$1" && kill -0 "$program"; do sleep 0.5; done 2> /dev/null
  # The log of a program that ended by itself stays, because it says why.
  kill "$program" 2> /dev/null && { wait "$program"; rm -f "$3"; }
}

_fdnix_answers() { (: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

_fdnix_stop() { # GROUP LOG
  kill -- "-$1" 2> /dev/null
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    kill -0 -- "-$1" 2> /dev/null || break
    sleep 0.05
  done
  rm -f "$2"
}

# A trap that was there before still runs, after this command.
_fdnix_at_exit() { # COMMAND
  local previous
  eval "previous=($(trap -p EXIT))"
  # shellcheck disable=SC2064 # these values are meant, not those at exit
  trap "$1; ${previous[2]-}" EXIT
}

_fdnix_start() {
  local host=${LOCALSTACK_HOST:-localhost} port=4566 log group tries
  if [[ $host =~ :([0-9]+)$ ]]; then port=${BASH_REMATCH[1]}; fi
  if [ -n "${AWS_ENDPOINT_URL:-}" ]; then
    echo "fdnix: nothing was started, because AWS_ENDPOINT_URL names $AWS_ENDPOINT_URL" >&2
    return
  fi
  case ${host%:*} in
    localhost | 127.0.0.1) ;;
    *)
      echo "fdnix: nothing was started, because LOCALSTACK_HOST names $host" >&2
      return
      ;;
  esac
  if _fdnix_answers "$port"; then
    echo "fdnix: port $port is taken, so nothing was started; USE_LOCALSTACK=true uses what answers there" >&2
    return
  fi
  log=$(mktemp "${TMPDIR:-/tmp}/fdnix-services.XXXXXX") || return
  # A process group of its own is out of reach of the terminal's Ctrl-C, and ends as a whole.
  group=$(
    set -m
    _fdnix_serve $$ "$port" "$log" > /dev/null 2>&1 &
    echo $!
  )
  for ((tries = 0; tries < 300; tries++)); do
    if _fdnix_answers "$port"; then
      _fdnix_at_exit "_fdnix_stop $group ${log@Q}"
      echo "fdnix: DynamoDB, S3 and Bedrock on http://127.0.0.1:$port until this shell ends, in memory; 'fdnix init' comes first" >&2
      return
    fi
    kill -0 -- "-$group" 2> /dev/null || break
    sleep 0.1
  done
  echo "fdnix: DynamoDB, S3 and Bedrock did not start: $(tail -n 1 "$log")" >&2
  _fdnix_stop "$group" "$log"
}

_fdnix_start
