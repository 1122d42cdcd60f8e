# One bundled program on PATH. `env` are defaults: what the caller's environment sets wins.
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
  passthru ? { },
}:
runCommand "${name}-${programs.version}"
  {
    pname = name;
    inherit (programs) version;
    inherit passthru;
    strictDeps = true;
    nativeBuildInputs = [ makeWrapper ];
    meta = programs.meta // {
      inherit description;
      mainProgram = name;
    };
  }
  ''
    makeWrapper ${lib.getExe' nodejs-slim_24 "node"} $out/bin/${name} \
      --add-flags ${programs}/lib/fdnix/${name}.js ${
        lib.escapeShellArgs (
          lib.concatLists (
            lib.mapAttrsToList (key: value: [
              "--set-default"
              key
              value
            ]) env
          )
          ++ lib.optionals (path != [ ]) [
            "--suffix"
            "PATH"
            ":"
            (lib.makeBinPath path)
          ]
        )
      }
  ''
