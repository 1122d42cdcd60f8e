# Puts one bundled program on PATH. `env` has defaults: variables of the caller's environment win.
{
  lib,
  runCommand,
  makeWrapper,
  nodejs-slim_24,
  programs,
}:
{
  name,
  description,
  path ? [ ],
  env ? { },
  manual ? false,
}:
let
  variable = key: value: [
    "--set-default"
    key
    value
  ];
  # A program with the name of a command is that command.
  command = lib.optionalString (name != "fdnix") " ${name}";
  flags =
    lib.concatLists (lib.mapAttrsToList variable env)
    ++ lib.optionals (path != [ ]) [
      "--suffix"
      "PATH"
      ":"
      (lib.makeBinPath path)
    ];
  self =
    runCommand "${name}-${programs.version}"
      {
        pname = name;
        inherit (programs) version;
        strictDeps = true;
        nativeBuildInputs = [ makeWrapper ];
        passthru.tests.version = runCommand "${name}-version" { } ''
          test "$(${self}/bin/${name} --version)" = ${programs.version}
          touch $out
        '';
        meta = programs.meta // {
          inherit description;
          mainProgram = name;
        };
      }
      (
        ''
          makeWrapper ${lib.getExe' nodejs-slim_24 "node"} $out/bin/${name} \
            --add-flags "${programs}/lib/fdnix/fdnix.js${command}" ${lib.escapeShellArgs flags}
        ''
        + lib.optionalString manual ''
          mkdir -p $out/share/{bash-completion/completions,zsh/site-functions,fish/vendor_completions.d,man/man1}
          $out/bin/${name} completions bash > $out/share/bash-completion/completions/${name}
          $out/bin/${name} completions zsh > $out/share/zsh/site-functions/_${name}
          $out/bin/${name} completions fish > $out/share/fish/vendor_completions.d/${name}.fish
          $out/bin/${name} man > $out/share/man/man1/${name}.1
        ''
      );
in
self
