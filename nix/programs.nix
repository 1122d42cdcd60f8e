# The bundled programs: a release's tarball if ./published-programs.json lists exactly these sources, otherwise built
# from them. The key is a hash of the sources, so edited sources never get an older program. Users of a released commit
# fetch 10 MB instead of esbuild and a hundred npm packages. Nobody needs to trust a key for a tarball that is pinned by
# its hash, unlike a binary cache in `nixConfig`. `passthru.fromSource` and `passthru.tests.reproduces` are as for the
# index.
{
  lib,
  fetchurl,
  runCommand,
  zstd,
  programs-from-source,
  publishedPrograms,
}:
let
  fromSource = programs-from-source;
  pin = publishedPrograms.${fromSource.key} or null;
  hex =
    hash:
    builtins.convertHash {
      inherit hash;
      toHashFormat = "base16";
    };
  # The same programs give the same bytes: no times, no owners, names in order.
  tarball =
    runCommand "fdnix-programs-${fromSource.version}.tar.zst" { nativeBuildInputs = [ zstd ]; }
      ''
        tar --create --sort=name --mtime=@1 --owner=0 --group=0 --numeric-owner --format=gnu --directory=${fromSource} lib |
          zstd -19 --quiet > $out
      '';
  fetched = fetchurl {
    inherit (fromSource) pname version;
    inherit (pin) url;
    hash = pin.unpackedHash;
    recursiveHash = true;
    nativeBuildInputs = [ zstd ];
    downloadToTemp = true;
    postFetch = ''
      echo "${hex pin.hash}  $downloadedFile" | sha256sum --check --quiet
      mkdir $out
      zstd --decompress --stdout --quiet "$downloadedFile" | tar --extract --directory=$out --no-same-permissions
    '';
    passthru = {
      inherit fromSource tarball;
      inherit (fromSource) version key;
      tests.reproduces = runCommand "fdnix-programs-reproduce" { } ''
        diff --recursive --no-dereference ${fetched} ${fromSource}
        touch $out
      '';
    };
    inherit (fromSource) meta;
  };
in
if pin != null then
  fetched
else
  fromSource.overrideAttrs (old: {
    passthru = (old.passthru or { }) // {
      inherit fromSource tarball;
      tests = { };
    };
  })
