# The cluster, of either kind: what there is, whose it is, making and removing it. Sourced by lib.sh.

K3S_VERSION=v1.36.2+k3s1
# Where k3s keeps its kubeconfig; K3S_KUBECONFIG_OUTPUT is its own variable for that.
K3S_CONFIG="${K3S_KUBECONFIG_OUTPUT:-/etc/rancher/k3s/k3s.yaml}"

# What a cluster of the name is made of, {"name", "state"} a line, in whatever state. For kind its containers, exactly what kind
# itself looks at; k3s is one service, and there is one on a machine.
parts() {
  if [ "$CLUSTER" = kind ]; then
    docker ps -a --filter "label=io.x-k8s.kind.cluster=$NAME" --format '{"name":{{json .Names}},"state":{{json .State}}}'
  elif systemctl cat k3s >/dev/null 2>&1; then
    case "$(systemctl is-active k3s || true)" in
      active) echo '{"name":"k3s","state":"running"}' ;;
      *) echo '{"name":"k3s","state":"exited"}' ;;
    esac
  fi
}

# What kind or k3s made, told apart from another of the same name, running or not: the containers' ids, k3s' own authority.
node_ids() {
  if [ "$CLUSTER" = kind ]; then
    ids=$(docker ps -a --no-trunc --filter "label=io.x-k8s.kind.cluster=$NAME" --format '{{.ID}}') && echo "$ids" | sort
  elif systemctl cat k3s >/dev/null 2>&1; then
    sed -n 's/.*certificate-authority-data"\{0,1\}: *//p' "$K3S_CONFIG" 2>/dev/null | grep . || echo unknown
  fi
}
remember_nodes() { node_ids >"$WORKSPACE/nodes.new" && mv "$WORKSPACE/nodes.new" "$WORKSPACE/nodes"; }

# A journal of two files: `creating` while the cluster is made, `made` from then on, holding its identity once known.
journal() {
  if [ -e "$WORKSPACE/creating" ]; then echo creating
  elif [ -e "$WORKSPACE/made" ]; then echo made
  else echo none; fi
}

# A cluster made anew under the same name has another one. Fails within seconds where the API server does not answer.
identity() { k get namespace kube-system --request-timeout=10s -o 'jsonpath={.metadata.uid}' 2>/dev/null; }

# gone     there is none of the name
# ours     it was made for this workspace
# used     made by someone else, and a person said to use it
# silent   the same perhaps, but it does not answer
# foreign  another cluster; one of ours, if there ever was one, is gone
cluster_is() {
  found=$(run node_ids) || return
  if [ -z "$found" ]; then echo gone
  elif [ -e "$WORKSPACE/creating" ]; then echo ours
  elif [ -e "$WORKSPACE/nodes" ]; then
    if [ "$found" = "$(cat "$WORKSPACE/nodes")" ]; then echo ours; else echo foreign; fi
  elif ! [ -s "$WORKSPACE/made" ]; then echo foreign
  elif ! id=$(identity); then echo silent
  elif [ "$id" = "$(cat "$WORKSPACE/made")" ]; then echo used
  else echo foreign; fi
}

# Whole, not just begun: the node is Ready (so the network is in) and so is the last thing that kind or k3s installs.
cluster_whole() {
  case "$(k get nodes -o 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}' 2>/dev/null)" in
    '' | *False* | *Unknown*) return 1 ;;
  esac
  if [ "$CLUSTER" = kind ]; then class=standard; else class=local-path; fi
  k get storageclass "$class" -o name >/dev/null 2>&1
}

# What is there while the journal says `creating` can only be our own half: kind removes its node when it fails, not when it
# is killed. Whatever Terraform remembers is of a cluster that is gone; it is kept aside.
create_cluster() {
  folders
  if [ "$(journal)" = creating ]; then delete_cluster; fi
  set_terraform_aside
  rm -f "$WORKSPACE/made" "$WORKSPACE/nodes"
  touch "$WORKSPACE/creating"
  if [ "$CLUSTER" = kind ]; then
    run kind create cluster --name "$NAME" --config bootstrap/kind-config.yaml ${NODE_IMAGE:+--image "$NODE_IMAGE"} \
      --kubeconfig "$KUBECONFIG" --wait 180s
  else
    run install_k3s
    export_kubeconfig
  fi
  cluster_made
}

cluster_made() {
  if [ -e "$WORKSPACE/creating" ]; then remember_nodes; mv "$WORKSPACE/creating" "$WORKSPACE/made"; fi
}

# Metrics of the control plane are reachable for Prometheus, as kind-config.yaml does it for kind.
install_k3s() {
  as_root true && curl -sfL https://get.k3s.io >"$WORKSPACE/k3s-install.sh" || return
  INSTALL_K3S_VERSION=$K3S_VERSION INSTALL_K3S_EXEC="server --write-kubeconfig-mode 0644 --disable traefik --kube-controller-manager-arg=bind-address=0.0.0.0 --kube-scheduler-arg=bind-address=0.0.0.0 --kube-proxy-arg=metrics-bind-address=0.0.0.0" \
    sh "$WORKSPACE/k3s-install.sh" && rm "$WORKSPACE/k3s-install.sh"
}

delete_cluster() {
  if [ "$CLUSTER" = kind ]; then
    run kind delete cluster --name "$NAME" --kubeconfig "$KUBECONFIG"
  elif has k3s-uninstall.sh; then
    run as_root k3s-uninstall.sh
    rm -f "$KUBECONFIG"
  fi
}

# Starts what does not run. A node of one container survives a stop; kind's documentation says so of no other.
wake_cluster() {
  if [ "$CLUSTER" = k3s ]; then run as_root systemctl start k3s; return; fi
  docker ps -a --filter "label=io.x-k8s.kind.cluster=$NAME" --format '{{.Names}} {{.State}}' |
    while read -r name state; do
      case "$state" in
        running) ;;
        paused) run docker unpause "$name" ;;
        *) run docker start "$name" ;;
      esac
    done
}

export_kubeconfig() {
  folders
  if [ "$CLUSTER" = kind ]; then
    run kind export kubeconfig --name "$NAME" --kubeconfig "$KUBECONFIG"
  else
    (umask 077 && cat "$K3S_CONFIG" >"$KUBECONFIG.new") && mv "$KUBECONFIG.new" "$KUBECONFIG"
  fi
}

# k3s has no container that Docker could list, so that one is started for the model to find.
PROBE_IMAGE=registry.k8s.io/pause:3.10
start_probe() {
  docker start "$NAME-probe" >/dev/null 2>&1 ||
    run docker run -d --name "$NAME-probe" --label "graphrun.dev/probe=$NAME" "$PROBE_IMAGE"
}

# --- Terraform: the namespaces ---------------------------------------------------------------------------------------

set_terraform_aside() {
  if [ -e "$WORKSPACE/terraform/terraform.tfstate" ]; then
    mv "$WORKSPACE/terraform/terraform.tfstate" "$WORKSPACE/terraform/terraform.tfstate.before-$(date +%Y%m%dT%H%M%S)"
  fi
}

# In the workspace, because Terraform writes beside its configuration.
init_terraform() {
  folders
  cp bootstrap/terraform/main.tf "$WORKSPACE/terraform/"
  # What was fetched once need not be fetched by the next init.
  export TF_PLUGIN_CACHE_DIR="${TF_PLUGIN_CACHE_DIR:-$WORKSPACE/terraform/plugins}"
  mkdir -p "$TF_PLUGIN_CACHE_DIR"
  run tf init -input=false -no-color
}
terraform_ready() {
  cmp -s bootstrap/terraform/main.tf "$WORKSPACE/terraform/main.tf" && tf validate -no-color >/dev/null 2>&1
}

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

# Exactly the deletions that a person was shown and approved, or none: addresses a line.
deletions() {
  tf show -json plan.bin | tr '{' '\n' | awk '/"address":/ { a = $0 } /"actions":\[[^]]*"delete"/ { print a }' |
    sed -n 's/.*"address":"\(\([^"\\]\|\\"\)*\)".*/\1/p' | sed 's/\\"/"/g' | sort -u
}
