# What the steps share: where things are, and the tools pointed at our cluster. Sourced by each step, never run.
# A step gives under `env` what it has of: WORKSPACE, CLUSTER (kind or k3s), NAME, NODE_IMAGE, MODEL, OLLAMA, PORT.

: "${CLUSTER:=kind}" "${NAME:=oppen-local}" "${NODE_IMAGE:=}" "${MODEL:=}" "${OLLAMA:=}" "${PORT:=}"
[ -n "${WORKSPACE:-}" ] || WORKSPACE="${XDG_STATE_HOME:-${HOME:?}/.local/state}/graphrun/$NAME"
PATH="$PATH:$HOME/.local/bin" # where uv puts itself; a shell that was open before does not know it

# The phase has its own kubeconfig, Helm settings and Terraform folder: the person's own stay as they are.
export KUBECONFIG="$WORKSPACE/kubeconfig"
export HELM_REPOSITORY_CONFIG="$WORKSPACE/helm/repositories.yaml"
export HELM_REPOSITORY_CACHE="$WORKSPACE/helm/cache"
export TF_IN_AUTOMATION=1 CHECKPOINT_DISABLE=1
unset TF_DATA_DIR TF_WORKSPACE TF_CLI_ARGS HELM_NAMESPACE HELM_KUBECONTEXT
if [ "$CLUSTER" = k3s ]; then CONTEXT=default; else CONTEXT="kind-$NAME"; fi
export TF_VAR_kubeconfig="$KUBECONFIG" TF_VAR_kube_context="$CONTEXT"

CHART_VERSION=88.5.3
CHART="$WORKSPACE/helm/kube-prometheus-stack-$CHART_VERSION.tgz"
RELEASE=kube-prometheus-stack

# Only steps that write make the folders.
folders() { mkdir -p "$WORKSPACE/helm" "$WORKSPACE/terraform"; }

# --- the tools, pointed at our cluster -------------------------------------------------------------------------------

k() { kubectl --context "$CONTEXT" "$@"; }
h() { helm --kube-context "$CONTEXT" --namespace monitoring "$@"; }
tf() { if has terraform; then terraform "-chdir=$WORKSPACE/terraform" "$@"; else tofu "-chdir=$WORKSPACE/terraform" "$@"; fi; }

has() { command -v "$1" >/dev/null 2>&1; }

# linux, wsl2, wsl1, macos, windows or other. WSL is known by its kernel's name.
os() {
  case "$(uname -s)" in
    Darwin) echo macos ;;
    MINGW* | MSYS* | CYGWIN*) echo windows ;;
    Linux)
      case "$(uname -r)" in
        *[Ww][Ss][Ll]2*) echo wsl2 ;;
        *Microsoft*) echo wsl1 ;;
        *) echo linux ;;
      esac ;;
    *) echo other ;;
  esac
}

# systemd runs here: in WSL2 only when it was switched on.
systemd_runs() {
  case "$(systemctl is-system-running 2>/dev/null)" in running | degraded | starting) ;; *) return 1 ;; esac
}

# A question for a password would be put to nobody.
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

# run COMMAND…: what it prints and its exit code stay as they are; when it fails, the remedy follows on stderr, and where a
# moment's wait may be one the exit code is 75. A pipe from a FIFO, because `2>&1 | tee` would lose the exit code and the order.
run() {
  if ! has "$1"; then
    echo "$1 is not installed." >&2
    echo "remedy: $(how_to_install "$1")" >&2
    return 127
  fi
  run_dir=$(mktemp -d)
  mkfifo "$run_dir/stderr"
  tee "$run_dir/copy" <"$run_dir/stderr" >&2 &
  run_tee=$!
  run_exit=0
  "$@" 2>"$run_dir/stderr" || run_exit=$?
  wait "$run_tee"
  if [ "$run_exit" != 0 ]; then
    remedy "$run_dir/copy" "$*" >&2
    [ -z "$remedy_is_time" ] || run_exit=75
  fi
  rm -rf "$run_dir"
  return "$run_exit"
}

# Where the docker command finds its daemon, for programs that follow no docker context, as MCP servers.
docker_address() {
  docker_found=${DOCKER_HOST:-}
  [ -n "$docker_found" ] || docker_found=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null) || docker_found=
  echo "${docker_found:-unix:///var/run/docker.sock}"
}

. bootstrap/install.sh
. bootstrap/remedies.sh
. bootstrap/cluster.sh
. bootstrap/monitoring.sh
