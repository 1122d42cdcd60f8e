# The bundled programs, without Node, wrapper or any other reference: one store path that every wrapper and image shares.
{
  lib,
  stdenvNoCC,
  nodejs-slim_24,
  npm,
}:
let
  package = lib.importJSON ../package.json;
in
stdenvNoCC.mkDerivation {
  pname = "fdnix-programs";
  inherit (package) version;

  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../package.json
      ../tools/build.ts
      (lib.fileset.difference ../src (lib.fileset.maybeMissing ../src/infra))
    ];
  };

  strictDeps = true;
  nativeBuildInputs = [ nodejs-slim_24 ];
  # A copy, not a link: esbuild follows links, and the source maps would name the store path.
  buildPhase = ''
    runHook preBuild
    cp -r ${npm.forBuild}/node_modules node_modules
    node tools/build.ts
    runHook postBuild
  '';
  installPhase = ''
    runHook preInstall
    mkdir -p $out/lib
    cp -r dist $out/lib/fdnix
    runHook postInstall
  '';
  dontFixup = true;
  allowedReferences = [ ];

  meta = {
    inherit (package) description homepage;
    license = lib.licenses.mit;
    platforms = lib.platforms.unix;
  };
}
