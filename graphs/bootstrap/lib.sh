# What the steps of bootstrap.graph share: where things are, and what to do about the mistakes that are known.
# Sourced by each step, never run. The step gives WORKSPACE, CLUSTER, MODEL, OLLAMA, PORT and REQUEST under `env`.
# list-containers.graph shares the checks and the remedies, and has no workspace.

: "${WORKSPACE:=}" "${CLUSTER:=}" "${MODEL:=}" "${OLLAMA:=}" "${PORT:=}"
# teardown.graph sets LOOKING: it makes no folders where there are none.
[ -z "$WORKSPACE" ] || [ -n "${LOOKING:-}" ] || mkdir -p "$WORKSPACE/helm" "$WORKSPACE/terraform"

# The phase has its own kubeconfig, Helm settings and Terraform folder: the person's own stay as they are.
export KUBECONFIG="$WORKSPACE/kubeconfig"
export HELM_REPOSITORY_CONFIG="$WORKSPACE/helm/repositories.yaml"
export HELM_REPOSITORY_CACHE="$WORKSPACE/helm/cache"
export TF_IN_AUTOMATION=1 CHECKPOINT_DISABLE=1
export TF_VAR_kubeconfig="$KUBECONFIG" TF_VAR_kube_context="kind-$CLUSTER"

CHART_VERSION=88.5.3
CHART="$WORKSPACE/helm/kube-prometheus-stack-$CHART_VERSION.tgz"
RELEASE=kube-prometheus-stack

# --- the tools, pointed at our cluster -------------------------------------------------------------------------------

k() { kubectl --context "kind-$CLUSTER" "$@"; }
h() { helm --kube-context "kind-$CLUSTER" --namespace monitoring "$@"; }
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

# --- errors with their remedy ----------------------------------------------------------------------------------------

# run COMMAND…: what it prints and its exit code stay as they are; when it fails, the remedy follows on stderr.
# A pipe from a FIFO, because `2>&1 | tee` would lose the exit code and the order.
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
  [ "$run_exit" = 0 ] || remedy "$run_dir/copy" >&2
  rm -rf "$run_dir"
  return "$run_exit"
}

# how_to_install TOOL: on this machine.
how_to_install() {
  case "$1/$(os)" in
    docker/linux) echo 'curl -fsSL https://get.docker.com | sh, then sudo usermod -aG docker $USER and log in again' ;;
    docker/wsl2) echo 'winget install Docker.DockerDesktop (or SUSE.RancherDesktop) in Windows, then Settings > Resources > WSL integration for this distribution; or Docker Engine inside it: curl -fsSL https://get.docker.com | sh' ;;
    docker/macos) echo 'brew install --cask docker-desktop (or --cask rancher), then start the app' ;;
    kubectl/linux | kubectl/wsl2) echo "curl -fLO https://dl.k8s.io/release/v1.36.1/bin/linux/$(cpu)/kubectl && sudo install -m755 kubectl /usr/local/bin/" ;;
    helm/linux | helm/wsl2) echo 'curl -fsSL https://raw.githubusercontent.com/helm/helm/main/scripts/get-helm-4 | bash' ;;
    kind/linux | kind/wsl2) echo "curl -fLo kind https://kind.sigs.k8s.io/dl/v0.32.0/kind-linux-$(cpu) && sudo install -m755 kind /usr/local/bin/" ;;
    terraform/linux | terraform/wsl2) echo 'add the repository https://apt.releases.hashicorp.com, then sudo apt-get install terraform; or OpenTofu: curl -fsSL https://get.opentofu.org/install-opentofu.sh | sh -s -- --install-method deb' ;;
    terraform/macos) echo 'brew install hashicorp/tap/terraform (or brew install opentofu)' ;;
    ollama/linux | ollama/wsl2) echo 'curl -fsSL https://ollama.com/install.sh | sh (needs zstd: sudo apt-get install -y zstd)' ;;
    ollama/macos) echo 'brew install ollama && brew services start ollama' ;;
    uv/linux | uv/wsl2 | uvx/linux | uvx/wsl2) echo 'curl -LsSf https://astral.sh/uv/install.sh | sh' ;;
    python3/linux | python3/wsl2) echo 'sudo apt-get install -y python3 python3-venv; where that is older than 3.11: uv python install 3.12 --default' ;;
    uvx/macos) echo 'brew install uv' ;;
    python3/macos) echo 'brew install python@3.12' ;;
    */macos) echo "brew install $1" ;;
    *) echo "sudo apt-get install -y $1" ;;
  esac
}

cpu() { case "$(uname -m)" in aarch64 | arm64) echo arm64 ;; *) echo amd64 ;; esac; }

# remedy FILE: a line for each known mistake in the text. The texts are the tools' own.
remedy() {
  remedy_text=$1

  # Docker
  case "$(os)" in
    linux) start_docker='sudo systemctl start docker' ;;
    *) start_docker='start Docker Desktop (or Rancher Desktop) and wait until it says that it runs' ;;
  esac
  on 'cannot connect to the docker daemon|failed to connect to the docker api' "$start_docker; if it runs, look at DOCKER_HOST and at: docker context ls"
  on 'permission denied while trying to connect to the (docker daemon|docker api)' 'sudo usermod -aG docker $USER, then log in again and resume from there (newgrp reaches only the shell it starts)'
  on 'could not be found in this WSL 2 distro' 'start Docker Desktop, switch on Settings > Resources > WSL integration for this distribution, then wsl --shutdown in Windows'
  on 'could not be found in this WSL 1 distro' 'in an administrator PowerShell: wsl --set-version <distribution> 2'
  on 'client version .* is too new' 'unset DOCKER_API_VERSION, or upgrade the engine'
  on 'client version .* is too old|minimum supported api version' 'upgrade the docker command'

  # Ollama
  on 'could not connect to ollama' 'start Ollama: sudo systemctl start ollama, or open the app, or ollama serve in another terminal'
  on 'pull model manifest: file does not exist' "there is no model \"$MODEL\": look at https://ollama.com/search?c=tools and resume with --set model=NAME"
  on "model '[^']*' not found" 'run bootstrap again: it pulls the model'
  on 'does not support tools' 'choose a model that can use tools: run bootstrap again with --input model=llama3.2:3b (or llama3.1, qwen3:4b)'
  on 'maximum pending requests exceeded' 'Ollama is busy: wait a moment, then resume'
  on '11434: bind: address already in use' 'another Ollama runs already (in WSL often the one in Windows): use that one'
  on 'requires zstd' 'sudo apt-get install -y zstd, then install Ollama again'

  # kind
  on 'node\(s\) already exist for a cluster' "a cluster of that name is there in some state: run bootstrap again, it looks first; or kind delete cluster --name $CLUSTER"
  on 'cgroup v1 is deprecated|using cgroup v1|failed to init node with kubeadm|error adding pid .* to cgroups' "Kubernetes 1.35 and later need cgroup v2. $(cgroup_remedy)"
  on 'could not find a log line that matches|too many open files|failed to create fsnotify watcher' 'raise the inotify limits: sudo sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288 (and in /etc/sysctl.d/99-kind.conf to keep them)'
  on 'port is already allocated|ports are not available' 'something else listens on that port: stop it, then resume'
  on 'alternative telinit implementation' 'remove "init": true from /etc/docker/daemon.json and restart Docker'
  on 'toomanyrequests' 'Docker Hub limits anonymous pulls: docker login, or wait an hour, then resume'
  on 'failed to pull image' 'look at the network (docker pull kindest/node:v1.36.1), then resume'
  on 'rootless provider requires cgroup v2|"?Delegate=yes' 'rootless Docker needs cgroup v2 and delegation: https://kind.sigs.k8s.io/docs/user/rootless/'
  on 'networks have overlapping|pool overlaps with other' 'a VPN or another network uses the same addresses: set default-address-pools in /etc/docker/daemon.json'
  on 'extraArgs of type \[\]v1beta4\.Arg' 'keep the patches of kind-config.yaml as maps without apiVersion, and kind at 0.32 or later'
  on 'no space left on device' 'the disk is full: docker system df shows by what; docker system prune frees what no container uses'

  # Kubernetes
  on 'no context exists with the name|context "[^"]*" does not exist' "kind export kubeconfig --name $CLUSTER --kubeconfig $KUBECONFIG"
  on 'kubernetes cluster unreachable|the connection to the server .* was refused|dial tcp 127\.0\.0\.1:[0-9]+: connect: connection refused|unable to connect to the server|x509: certificate signed by unknown authority' "the cluster does not answer, or the kubeconfig is of an earlier one: docker start $CLUSTER-control-plane, or kind export kubeconfig --name $CLUSTER --kubeconfig $KUBECONFIG; then resume"
  on 'timed out waiting for the condition on nodes' "kubectl --kubeconfig $KUBECONFIG describe nodes says what the node waits for; then resume"
  on 'unable to listen on port' "port $PORT is taken: stop what listens there, then resume; or resume with --set grafana_port=ANOTHER"
  on 'lost connection to pod|error copying from remote stream to local connection' 'the pod was replaced: resume, a new forward will be made'

  # Terraform
  on 'namespaces "[^"]*" already exists' 'it exists but Terraform does not know it: resume, this step imports it first'
  on 'acquiring the state lock' "another Terraform works in $WORKSPACE/terraform: wait for it, then resume; never force-unlock while it lives"
  on 'saved plan is stale' 'the state changed since the plan: resume, this step plans anew'
  on 'failed to query available provider packages|could not connect to registry' 'the Terraform registry cannot be reached: look at the network or proxy, or use a mirror (provider_installation in the CLI configuration), then resume'
  on 'inconsistent dependency lock file|backend initialization required|initial configuration of the requested backend' "terraform -chdir=$WORKSPACE/terraform init, then resume"
  on 'unexpected identity change' "terraform -chdir=$WORKSPACE/terraform init -upgrade (provider 3.2.1 or later), then resume"

  # Helm
  on 'another operation \(install/upgrade/rollback\) is in progress' 'a Helm that was killed left the release pending: run bootstrap again, it offers the repair'
  on 'context deadline exceeded|not ready\. status: InProgress' "images may still be coming: kubectl --kubeconfig $KUBECONFIG -n monitoring get pods, then resume; repeating the upgrade is safe"
  on 'failed pre-install|BackoffLimitExceeded' 'the webhook certificate job did not finish: resume if its image was still coming, else switch the webhooks off in bootstrap/values.yaml'
  on 'ImagePullBackOff|ErrImagePull' "look at the network and the pull limit; or kind load docker-image IMAGE --name $CLUSTER; then resume"
  on 'invalid ownership metadata' "those objects belong to another release: remove them, or give them to this one with helm --take-ownership"
  on 'cannot reuse a name that is still in use' "a release of that name exists: helm list --all-namespaces shows where"
  on 'namespaces "monitoring" not found' 'the namespace is gone: run bootstrap again, Terraform makes it'
  on 'no matches for kind "[A-Za-z]*" in version "monitoring' "the chart's definitions are missing: helm show crds $CHART | kubectl --kubeconfig $KUBECONFIG apply --server-side -f -"
  on 'is not a valid chart repository or cannot be reached|failed to update the following repositories' 'look at the network, then resume; the chart is also at oci://ghcr.io/prometheus-community/charts/kube-prometheus-stack'
  on 'no chart version found|chart "[^"]*" matching' 'that chart version is gone from the repository: helm search repo kube-prometheus-stack --versions, and CHART_VERSION in bootstrap/lib.sh'
  on 'not a shared or slave mount' 'Docker Desktop: switch on hostRootFsMount.enabled=false in bootstrap/values.yaml'
  on 'insufficient memory' 'give Docker at least 6 GB (Docker Desktop: Settings > Resources), then resume'
}

on() { if grep -Eqi -- "$1" "$remedy_text"; then echo "remedy: $2"; fi; }

cgroup_remedy() {
  case "$(os)" in
    wsl2) echo 'In %UserProfile%\.wslconfig of Windows, under [wsl2]: kernelCommandLine = cgroup_no_v1=all, then wsl --shutdown' ;;
    macos) echo 'Upgrade Docker Desktop (or Rancher Desktop)' ;;
    *) echo 'Boot with systemd.unified_cgroup_hierarchy=1 on the kernel command line' ;;
  esac
}

# --- Docker ----------------------------------------------------------------------------------------------------------

# Where the docker command finds its daemon, for programs that follow no docker context, as MCP servers.
docker_address() {
  docker_found=${DOCKER_HOST:-}
  [ -n "$docker_found" ] || docker_found=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null) || docker_found=
  echo "${docker_found:-unix:///var/run/docker.sock}"
}

# --- Ollama ----------------------------------------------------------------------------------------------------------

# $REQUEST names the model as JSON. Where only a server can be reached it pulls alone; an error comes under HTTP 200.
pull_by_server() {
  pulled=$(curl -sS "$OLLAMA/api/pull" -d "$REQUEST") || return
  case "$pulled" in *'"status":"success"'*) ;; *) echo "$pulled" >&2; return 1 ;; esac
}

# --- the cluster -----------------------------------------------------------------------------------------------------

# Its containers, one JSON object a line, in whatever state: exactly what kind itself looks at.
cluster_containers() {
  docker ps -a --filter "label=io.x-k8s.kind.cluster=$CLUSTER" --format '{{json .}}'
}

# The containers that kind made for us, by their ids: how teardown.graph knows our cluster, stopped or not, from another
# of the same name.
node_ids() {
  ids=$(docker ps -a --no-trunc --filter "label=io.x-k8s.kind.cluster=$CLUSTER" --format '{{.ID}}') && echo "$ids" | sort
}
remember_nodes() { node_ids >"$WORKSPACE/nodes.new" && mv "$WORKSPACE/nodes.new" "$WORKSPACE/nodes"; }

# A journal of two files: `creating` while kind works, `made` from then on, holding the cluster's identity once known.
journal() {
  if [ -e "$WORKSPACE/creating" ]; then echo creating
  elif [ -e "$WORKSPACE/made" ]; then echo made
  else echo none; fi
}

# Whole, not just begun: the node is Ready (so the network is in) and so is the last thing that kind installs.
cluster_whole() {
  case "$(k get nodes -o 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}' 2>/dev/null)" in
    '' | *False* | *Unknown*) return 1 ;;
  esac
  k get storageclass standard -o name >/dev/null 2>&1
}

# A cluster made anew under the same name has another one.
cluster_identity() { k get namespace kube-system -o 'jsonpath={.metadata.uid}'; }

# --- Terraform -------------------------------------------------------------------------------------------------------

plan() { run tf plan -input=false -no-color -lock-timeout=60s -detailed-exitcode -out=plan.bin; }

# Namespaces that exist but are not in Terraform's state, because someone made them or because an apply was killed
# between creating one and writing that down.
import_namespaces() {
  known=$(tf state list 2>/dev/null) || known=
  for name in monitoring apps; do
    case "$known" in *"base[\"$name\"]"*) continue ;; esac
    if [ -n "$(k get namespace "$name" --ignore-not-found -o name)" ]; then
      run tf import -input=false -no-color -lock-timeout=60s "kubernetes_namespace_v1.base[\"$name\"]" "$name"
    fi
  done
}

# --- Helm ------------------------------------------------------------------------------------------------------------

# The release in any state, as Helm's JSON list of none or one. All states by name: Helm 4 has no --all, and Helm 3
# without it hides the pending ones.
release() {
  run h list -o json --filter "^$RELEASE\$" --deployed --failed --pending --superseded --uninstalled --uninstalling
}

# When the release was first deployed: an upgrade keeps that moment, another release has another one.
release_born() { h status "$RELEASE" -o json | sed -n 's/.*"first_deployed":"\([^"]*\)".*/\1/p'; }

# `releasing` says `new` where there was no release before ours; from its end on, `installed` says which one is ours.
remember_release() {
  if grep -qx new "$WORKSPACE/helm/releasing" && born=$(release_born 2>/dev/null) && [ -n "$born" ]; then
    echo "$born" >"$WORKSPACE/helm/installed"
  fi
  rm "$WORKSPACE/helm/releasing"
}

# Deployed, this chart, and with the values that we gave and nobody changed since.
release_current() {
  case "$(release)" in *'"status":"deployed","chart":"'"$RELEASE-$CHART_VERSION"'"'*) ;; *) return 1 ;; esac
  cmp -s bootstrap/values.yaml "$WORKSPACE/helm/given.yaml" &&
    h get values "$RELEASE" -o json | cmp -s - "$WORKSPACE/helm/deployed.json"
}

# A Helm that was killed leaves its release pending, and then refuses every upgrade. A first revision has nothing worth
# keeping; a later one goes back to the one before.
repair_release() {
  case "$(release)" in
    *'"revision":"1"'*'"status":"pending-'* | *'"status":"uninstalling"'*) run h uninstall "$RELEASE" --wait --timeout 5m ;;
    *'"status":"pending-'*) run h rollback "$RELEASE" --wait --timeout 5m ;;
  esac
}

# --- Grafana ---------------------------------------------------------------------------------------------------------

grafana_answers() { curl -fsS -m 5 "http://127.0.0.1:$PORT/api/health" 2>/dev/null | grep -q '"database"'; }

# Our own forward, alive and answering: the loop of forward.sh wrote down its process and port.
grafana_forwarded() {
  [ -s "$WORKSPACE/grafana.pid" ] && [ "$(cat "$WORKSPACE/grafana.port")" = "$PORT" ] &&
    kill -0 "$(cat "$WORKSPACE/grafana.pid")" 2>/dev/null && grafana_answers
}

# Asks Grafana as its admin. The password goes from the cluster's secret to curl's standard input: it is in no argument,
# in no file, and in nothing that this prints.
grafana() {
  k -n monitoring get secret "$RELEASE-grafana" -o go-template='user = "{{index .data "admin-user" | base64decode}}:{{index .data "admin-password" | base64decode}}"' |
    curl -sS -m 10 -K - "http://127.0.0.1:$PORT$1"
}
