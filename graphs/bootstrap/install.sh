# What is missing, and the commands that mend it: the same text is shown to the person and, when approved, run.

# how_to_install TOOL: on this machine, in one line.
how_to_install() {
  case "$1/$(os)" in
    docker/linux) echo 'curl -fsSL https://get.docker.com | sh && sudo usermod -aG docker "$(id -un)" (then log in again)' ;;
    docker/wsl2) echo 'winget install Docker.DockerDesktop (or SUSE.RancherDesktop) in Windows, then Settings > Resources > WSL integration for this distribution; or Docker Engine inside it: curl -fsSL https://get.docker.com | sh' ;;
    docker/macos) echo 'brew install --cask docker-desktop (or --cask rancher), then start the app' ;;
    python3/linux | python3/wsl2) echo 'sudo apt-get install -y python3 python3-venv; where that is older than 3.11: uv python install 3.12 --default' ;;
    *)
      how_script=$(installer "$1")
      if [ -z "$how_script" ]; then how_script="install $1 as its own documentation says for this system"; fi
      if [ "$1" = terraform ]; then how_script="$how_script (or OpenTofu: https://opentofu.org/docs/intro/install/)"; fi
      echo "$how_script" ;;
  esac
}

cpu() { case "$(uname -m)" in aarch64 | arm64) echo arm64 ;; *) echo amd64 ;; esac; }

# installer TOOL: the commands that install it here, in one line; nothing where that is a person's business.
installer() {
  case "$1/$(os)" in
    docker/linux) echo 'curl -fsSL https://get.docker.com | sh && sudo usermod -aG docker "$(id -un)"' ;;
    kubectl/linux | kubectl/wsl2) binary kubectl "https://dl.k8s.io/release/v1.36.1/bin/linux/$(cpu)/kubectl" ;;
    kind/linux | kind/wsl2) binary kind "https://kind.sigs.k8s.io/dl/v0.32.0/kind-linux-$(cpu)" ;;
    helm/linux | helm/wsl2) echo 'curl -fsSL https://raw.githubusercontent.com/helm/helm/main/scripts/get-helm-4 | bash' ;;
    ollama/linux | ollama/wsl2) echo "$(needs zstd)curl -fsSL https://ollama.com/install.sh | sh" ;;
    uv/linux | uv/wsl2 | uvx/linux | uvx/wsl2) echo 'curl -LsSf https://astral.sh/uv/install.sh | sh' ;;
    uv/macos | uvx/macos) echo 'brew install uv' ;;
    terraform/macos) echo 'brew install hashicorp/tap/terraform' ;;
    ollama/macos) echo 'brew install ollama && brew services start ollama' ;;
    docker/macos) echo 'brew install --cask docker-desktop && open -a Docker' ;;
    python3/macos) echo 'brew install python@3.12' ;;
    */macos) echo "brew install $1" ;;
    terraform/linux | terraform/wsl2)
      # shellcheck disable=SC2016
      has apt-get && echo 'sudo curl -fsSL https://apt.releases.hashicorp.com/gpg -o /usr/share/keyrings/hashicorp.asc && echo "deb [signed-by=/usr/share/keyrings/hashicorp.asc] https://apt.releases.hashicorp.com $(. /etc/os-release && echo "$VERSION_CODENAME") main" | sudo tee /etc/apt/sources.list.d/hashicorp.list && sudo apt-get update && sudo apt-get install -y terraform' ;;
    python3/linux | python3/wsl2) if has apt-get; then echo 'sudo apt-get install -y python3 python3-venv'; fi ;;
    docker/wsl2) ;;
    */linux | */wsl2) if has apt-get; then echo "sudo apt-get install -y $1"; fi ;;
  esac || true
}

binary() { echo "curl -fsSLo \"\${TMPDIR:-/tmp}/$1\" $2 && sudo install -m755 \"\${TMPDIR:-/tmp}/$1\" /usr/local/bin/"; }
needs() { if ! has "$1" && has apt-get; then echo "sudo apt-get install -y $1 && "; fi; }

# fix CHECK: the commands that would mend what a check of prerequisites.graph found wrong, as things are now.
fix() {
  case "$1" in
    machine) has curl || installer curl ;;
    docker)
      if ! has docker; then installer docker
      elif docker version --format '{{json .Server}}' 2>&1 >/dev/null | grep -Eqi 'cannot connect|failed to connect' && [ "$(os)" = linux ] && systemd_runs; then
        echo 'sudo systemctl start docker'
      fi ;;
    ollama)
      if ! has ollama; then installer ollama
      elif systemd_runs; then echo 'sudo systemctl start ollama'
      elif [ "$(os)" = macos ]; then echo 'brew services start ollama'
      fi ;;
    inotify) echo "{ echo fs.inotify.max_user_instances=512; echo fs.inotify.max_user_watches=524288; } | sudo tee /etc/sysctl.d/99-kind.conf && sudo sysctl -p /etc/sysctl.d/99-kind.conf" ;;
    terraform) has terraform || has tofu || installer terraform ;;
    python) installer python3 ;;
    disk | k3s) ;;
    *) has "$1" || installer "$1" ;;
  esac
}

# install_fix: runs $SCRIPT, which a person has read and approved. The installers call sudo themselves and would wait for a
# password that nobody can type.
install_fix() {
  case "$SCRIPT" in
    *sudo* | *get.docker.com* | *ollama.com* | *get-helm* | *get.k3s.io*)
      if [ "$(id -u)" != 0 ]; then run sudo -n true || return; fi
      has sudo || SCRIPT=$(echo "$SCRIPT" | sed 's/sudo //g') ;;
  esac
  run sh -eu -c "$SCRIPT" </dev/null
}

# --- what the checks measure -----------------------------------------------------------------------------------------

# Free kilobytes where Docker keeps its images, or of the nearest folder above it that can be seen from here. Nothing where
# Docker does not answer, or lives in a virtual machine whose disk is not this one.
free_space() {
  system=$(docker info --format '{{.OperatingSystem}}' 2>/dev/null) || return 0
  case "$system" in *Desktop* | *Rancher* | *OrbStack*) return 0 ;; esac
  folder=$(docker info --format '{{.DockerRootDir}}' 2>/dev/null) || return 0
  while [ ! -d "$folder" ]; do folder=$(dirname "$folder"); done
  df -Pk "$folder" | awk 'NR == 2 { print $4 }'
}

port_free() {
  python3 -c 'import socket, sys; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", int(sys.argv[1])))' "$1" 2>/dev/null
}
