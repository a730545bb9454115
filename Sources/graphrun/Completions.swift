import ArgumentParser

/// The scripts that complete what is typed in a shell, with what the parser's own lack: `graphrun FILE` is
/// `graphrun run FILE`, so the first word may be a graph too.
enum Completions {
  private static let option = "--generate-completion-script"

  /// The script that `arguments` ask for, of which the parser gave `script`; `nil` where they ask for something else.
  static func script(for arguments: [String], _ script: String) -> String? {
    guard arguments.contains(where: { $0 == option || $0.hasPrefix(option + "=") }) else { return nil }
    if script.hasPrefix("#!/bin/bash") { return script + bash }
    if script.hasPrefix("#compdef") { return withGraphs(zsh: script) }
    return script.contains("complete -c") ? script + fish : script
  }

  /// Behind a graph the words are those of `run`.
  private static let bash = """


    _graphrun_or_graph() {
        if [[ "${COMP_CWORD}" -gt 1 && "${COMP_WORDS[1]}" = *.graph ]]; then
            local -a with_run=("${COMP_WORDS[0]}" run "${COMP_WORDS[@]:1}")
            local -a COMP_WORDS=("${with_run[@]}")
            local -i COMP_CWORD="$((COMP_CWORD + 1))"
        fi
        _graphrun "${@}"
        [[ "${COMP_CWORD}" -eq 1 && "${2}" != -* ]] || return 0
        local file
        while IFS='' read -r file; do
            COMPREPLY+=("${file}")
        done < <(compgen -o plusdirs -fX '!*.graph' -- "${2}")
    }

    complete -o filenames -F _graphrun_or_graph graphrun
    """

  /// The first place where subcommands are described is that of the program's own.
  private static func withGraphs(zsh script: String) -> String {
    let described = "_describe -V subcommand subcommands && ret=0"
    return script.replacing(described, with: described + "\n        _files -g '*.graph' && ret=0", maxReplacements: 1)
  }

  private static let fish = """

    complete -c 'graphrun' -n '__graphrun_should_offer_completions_for_positional "graphrun" -eq 1' \
    -ka '(__fish_complete_suffix .graph)' -d 'Run this graph.'
    """
}
