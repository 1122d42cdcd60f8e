# Builds the bundled programs without Node, a wrapper or any other reference: one store path that all wrappers and
# images share.
{
  lib,
  stdenvNoCC,
  nodejs-slim_24,
  npm,
}:
let
  package = lib.importJSON ../package.json;
  lock = lib.importJSON ../package-lock.json;
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../LICENSE
      ../package.json
      ../tools/build.ts
      ../tools/licences.ts
      (lib.fileset.difference ../src (lib.fileset.maybeMissing ../src/infra))
    ];
  };
  # The packages in the bundle besides our own code, by the lockfile.
  bundled = lib.filterAttrs (path: entry: path != "" && !(entry.dev or false)) lock.packages;
  licenses = lib.unique (
    [ package.license ] ++ lib.mapAttrsToList (path: entry: entry.license or "unknown: ${path}") bundled
  );
in
stdenvNoCC.mkDerivation {
  pname = "fdnix-programs";
  inherit (package) version;
  inherit src;

  strictDeps = true;
  nativeBuildInputs = [ nodejs-slim_24 ];
  # This is a copy and not a link, because esbuild follows links, and the source maps would then name the store path.
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

  # Names the sources of this build: their path in the store is a hash of them.
  passthru.key = builtins.hashString "sha256" (
    builtins.unsafeDiscardStringContext "${src}" + builtins.hashFile "sha256" ../package-lock.json
  );

  meta = {
    inherit (package) description homepage;
    changelog = "${package.homepage}/blob/v${package.version}/CHANGELOG.md";
    license = map lib.getLicenseFromSpdxId licenses;
    maintainers = [
      {
        name = "The fdnix contributors";
        github = "fdnix";
      }
    ];
    platforms = lib.platforms.unix;
  };
}
