# The error texts that are known, and what to do about each. The texts are the tools' own. Sourced by lib.sh.
# Tests/Picture/known-errors.tsv has an example of each.

# remedy FILE [COMMAND]: a line for each known mistake in what the command said; sets remedy_is_time where waiting a moment may
# be enough.
remedy() {
  remedy_text=$1
  remedy_command=${2:-}
  remedy_is_time=

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
  on 'container name "[^"]*" is already in use' 'docker ps -a shows it; remove it or start with --input name=ANOTHER'

  # Installing
  on 'sudo: (a password is required|a terminal is required|no tty present)' 'sudo wants a password and nobody can type one here: run sudo -v in this terminal and answer "install" again, or run the command yourself and answer "done"'
  on 'could not get lock|unable to acquire the dpkg' 'another package manager is at work: wait for it, then answer "install" again'
  on 'could not resolve host|temporary failure (in name resolution|resolving)' 'the network or its name server does not answer: look at it (and at HTTPS_PROXY), then try again'

  # Ollama
  on "could not connect to ollama|port 11434 after .*(couldn't|could not) connect" 'start Ollama: sudo systemctl start ollama, or open the app, or ollama serve in another terminal'
  on 'pull model manifest: file does not exist' "there is no model \"$MODEL\": look at https://ollama.com/search?c=tools and resume with --set model=NAME"
  on "model '[^']*' not found" 'run bootstrap again: it pulls the model'
  on 'does not support tools' 'choose a model that can use tools: run bootstrap again with --input model=llama3.2:3b (or llama3.1, qwen3:4b)'
  soon 'maximum pending requests exceeded' 'Ollama is busy: wait a moment, then resume'
  on '11434: bind: address already in use' 'another Ollama runs already (in WSL often the one in Windows): use that one'
  on 'requires zstd' 'sudo apt-get install -y zstd, then install Ollama again'

  # kind and k3s
  on 'node\(s\) already exist for a cluster' "a cluster of that name is there in some state: run bootstrap again, it looks first; or kind delete cluster --name $NAME"
  on 'cgroup v1 is deprecated|using cgroup v1|failed to init node with kubeadm|error adding pid .* to cgroups' "Kubernetes 1.35 and later need cgroup v2. $(cgroup_remedy)"
  soon 'could not find a log line that matches' "systemd in the node did not come up: raise the inotify limits ($INOTIFY); if that is not it, kind create cluster --retain --name $NAME and docker logs $NAME-control-plane say more"
  on 'too many open files|failed to create fsnotify watcher' "raise the inotify limits: $INOTIFY"
  on 'port is already allocated|ports are not available' 'something else listens on that port: stop it, then resume'
  on 'alternative telinit implementation' 'remove "init": true from /etc/docker/daemon.json and restart Docker'
  on 'toomanyrequests' 'Docker Hub limits anonymous pulls: docker login, or wait an hour, then resume'
  soon 'failed to pull image' 'look at the network (docker pull kindest/node:v1.36.1), or bring the image (docker load), then resume'
  on 'rootless provider requires cgroup v2|"?Delegate=yes' 'rootless Docker needs cgroup v2 and delegation: https://kind.sigs.k8s.io/docs/user/rootless/'
  on 'networks have overlapping|pool overlaps with other' 'a VPN or another network uses the same addresses: set default-address-pools in /etc/docker/daemon.json'
  on 'extraArgs of type \[\]v1beta4\.Arg' 'keep the patches of kind-config.yaml as maps without apiVersion, and kind at 0.32 or later'
  on 'no space left on device' 'the disk is full: docker system df shows by what; docker system prune frees what no container uses; then resume'
  on 'job for k3s\.service failed|k3s\.service: failed' 'sudo journalctl -u k3s -n 50 says why; then resume'

  # Kubernetes
  on 'no context exists with the name|context "[^"]*" does not exist' "the kubeconfig is of another cluster: run bootstrap again, it writes it anew$(export_by_hand)"
  on 'kubernetes cluster unreachable|the connection to the server .* was refused|dial tcp 127\.0\.0\.1:[0-9]+: connect: connection refused|unable to connect to the server: [^E]|x509: certificate signed by unknown authority' "the cluster does not answer, or the kubeconfig is of an earlier one: $(start_by_hand)$(export_by_hand); then resume"
  on 'unable to connect to the server: EOF|the node was low on resource|was evicted' 'the disk is full or memory is short: docker system df shows by what, docker system prune frees what no container uses; give Docker at least 6 GB; then resume'
  on 'timed out waiting for the condition on nodes' "kubectl --kubeconfig $KUBECONFIG describe nodes says what the node waits for; then resume"
  on 'unable to listen on port' "port $PORT is taken: stop what listens there, then resume; or resume with --set grafana_port=ANOTHER"
  on 'lost connection to pod|error copying from remote stream to local connection|timeout occurred' 'the pod was replaced: resume, a new forward will be made'

  # Terraform
  on 'namespaces "[^"]*" already exists' 'it exists but Terraform does not know it: resume, this step imports it first'
  on 'acquiring the state lock' "another Terraform works in $WORKSPACE/terraform: wait for it, then resume; never force-unlock while it lives"
  on 'saved plan is stale' 'the state changed since the plan: resume, this step plans anew'
  soon 'failed to query available provider packages|could not connect to registry' 'the Terraform registry cannot be reached: look at the network or proxy, or use a mirror (provider_installation in the CLI configuration), then resume'
  on 'inconsistent dependency lock file|backend initialization required|initial configuration of the requested backend' "terraform -chdir=$WORKSPACE/terraform init, then resume"
  on 'unexpected identity change' "terraform -chdir=$WORKSPACE/terraform init -upgrade (provider 3.2.1 or later), then resume"

  # Helm
  on 'another operation \(install/upgrade/rollback\) is in progress' "a Helm that was killed left the release pending: run bootstrap again, it offers the repair; the last resort is to delete the secret sh.helm.release.v1.$RELEASE.vN of that revision"
  case "$remedy_command" in *uninstall* | *destroy*)
    on 'context deadline exceeded|timed out waiting' "something in the release does not go: kubectl --kubeconfig $KUBECONFIG -n monitoring get all shows what; then resume, removing again is safe" ;;
  *)
    on 'context deadline exceeded|not ready\. status: InProgress' "images may still be coming: kubectl --kubeconfig $KUBECONFIG -n monitoring get pods, then resume; repeating the upgrade is safe" ;;
  esac
  on 'failed pre-install|BackoffLimitExceeded' 'the webhook certificate job did not finish: resume if its image was still coming, else switch the webhooks off in bootstrap/values.yaml'
  on 'ImagePullBackOff|ErrImagePull' "look at the network and the pull limit; or kind load docker-image IMAGE --name $NAME; then resume"
  on 'invalid ownership metadata' "those objects belong to another release: remove them, or give them to this one with helm --take-ownership"
  on 'cannot reuse a name that is still in use' "a release of that name exists: helm list --all-namespaces shows where"
  on 'namespaces "monitoring" not found' 'the namespace is gone: run bootstrap again, Terraform makes it'
  on 'no matches for kind "[A-Za-z]*" in version "monitoring' "the chart's definitions are missing: helm show crds $CHART | kubectl --kubeconfig $KUBECONFIG apply --server-side -f -"
  on 'conflict with "kubectl' 'another tool changed those fields by hand: undo that, or repeat the upgrade by hand with --force-conflicts'
  soon 'is not a valid chart repository or cannot be reached|failed to update the following repositories' 'look at the network, then resume; the chart is also at oci://ghcr.io/prometheus-community/charts/kube-prometheus-stack'
  on 'no chart version found|chart "[^"]*" matching' 'that chart version is gone from the repository: helm search repo kube-prometheus-stack --versions, and CHART_VERSION in bootstrap/lib.sh'
  on 'not a shared or slave mount' 'Docker Desktop: switch on hostRootFsMount.enabled=false in bootstrap/values.yaml'
  on 'insufficient memory' 'give Docker at least 6 GB (Docker Desktop: Settings > Resources), then resume'
}

INOTIFY='sudo sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288 (and in /etc/sysctl.d/99-kind.conf to keep them)'

mentions() { grep -Eqi -- "$1" "$remedy_text"; }
on() { if mentions "$1"; then echo "remedy: $2"; fi; }
soon() { if mentions "$1"; then remedy_is_time=yes; echo "remedy: $2"; fi; }

start_by_hand() { if [ "$CLUSTER" = k3s ]; then echo 'sudo systemctl start k3s'; else echo "docker start $NAME-control-plane"; fi; }
export_by_hand() { [ "$CLUSTER" = k3s ] || echo ", or kind export kubeconfig --name $NAME --kubeconfig $KUBECONFIG"; }

cgroup_remedy() {
  case "$(os)" in
    wsl2) echo 'In %UserProfile%\.wslconfig of Windows, under [wsl2]: kernelCommandLine = cgroup_no_v1=all, then wsl --shutdown' ;;
    macos) echo 'Upgrade Docker Desktop (or Rancher Desktop)' ;;
    *) echo 'Boot with systemd.unified_cgroup_hierarchy=1 on the kernel command line' ;;
  esac
}
