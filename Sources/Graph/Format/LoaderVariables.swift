/// Environment variables that programs take as code, or as where to find it. An expression may not give them.
package enum LoaderVariables {
  package static func contains(_ name: String) -> Bool {
    prefixes.contains { name.hasPrefix($0) } || names.contains(name)
  }

  private static let prefixes = ["LD_", "DYLD_", "BASH_FUNC_", "GIT_CONFIG"]

  private static let names: Set<String> = [
    "BASH_ENV", "ENV", "IFS", "SHELLOPTS", "BASHOPTS", "PS4", "PROMPT_COMMAND", "CDPATH", "GLOBIGNORE", "ZDOTDIR",
    "FPATH",
    "PYTHONSTARTUP", "PYTHONPATH", "PYTHONHOME", "PYTHONINSPECT", "PYTHONBREAKPOINT", "NODE_OPTIONS", "NODE_PATH",
    "PERL5OPT", "PERL5LIB", "PERLLIB", "PERL5DB", "RUBYOPT", "RUBYLIB", "LUA_INIT", "R_PROFILE", "R_ENVIRON",
    "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "DOTNET_STARTUP_HOOKS",
    "GIT_SSH", "GIT_SSH_COMMAND", "GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_EDITOR", "GIT_ASKPASS", "SSH_ASKPASS", "PAGER",
    "EDITOR", "VISUAL", "LESSOPEN", "LESSCLOSE", "MANPAGER", "BROWSER", "GCONV_PATH", "OPENSSL_CONF", "GLIBC_TUNABLES",
    "MAKEFLAGS",
  ]
}
