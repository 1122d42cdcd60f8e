# The bundled programs: a release's tarball where ./published-programs.json lists exactly these sources, otherwise built from
# them. The key is a hash of what they are built from, so an edit of the sources never meets an older program; whoever uses a
# released commit fetches 10 MB instead of esbuild and a hundred npm packages. A tarball pinned by its hash needs nobody's trust in a key,
# as a binary cache in `nixConfig` would. `passthru.fromSource` and `passthru.tests.reproduces` as for the index.
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
  # The same bytes for the same programs: no times, no owners, names in order.
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
