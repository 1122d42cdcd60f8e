# The search index of one nixpkgs. If ./published.json lists the revision, the index is fetched by the hash of the index
# itself. Its path then depends on nothing else: not on Nix, not on Node, and not on how it was compressed. If it is not
# listed, or another program made it, it is built from source. `passthru.fromSource` is always that derivation, and
# `passthru.tests.reproduces` compares the two byte for byte. For another tree, or an index without usage texts
# or options:
#   fdnix.packages.SYSTEM.index.override { indexed = inputs.nixpkgs; usageTexts = false; options = false; }
{
  lib,
  fetchurl,
  runCommand,
  zstd,
  index-from-source,
  published,
  indexed,
  indexedSystem ? "x86_64-linux",
  model ? null,
  usageTexts ? true,
  options ? true,
  extraExtractFlags ? [ ],
}:
let
  fromSource = index-from-source.override {
    inherit
      indexed
      indexedSystem
      model
      usageTexts
      options
      extraExtractFlags
      ;
  };
  # The program must read the format of the index, and must embed queries with the model that made its vectors. A hash
  # of the file that decides each of these tells whether they fit. If a pin may not fit, the index is built.
  sha256 = builtins.hashFile "sha256";
  pin = published.${indexed.rev or ""} or null;
  usable =
    pin != null
    && pin.layout == sha256 ../src/index/layout.ts
    && pin.model == sha256 ../src/embed/static.safetensors
    && indexedSystem == "x86_64-linux"
    && model == null
    && usageTexts
    && options
    && extraExtractFlags == [ ];

  hex =
    hash:
    builtins.convertHash {
      inherit hash;
      toHashFormat = "base16";
    };
  fetched = fetchurl {
    inherit (fromSource) name;
    inherit (pin) url;
    hash = pin.unpackedHash;
    nativeBuildInputs = [ zstd ];
    downloadToTemp = true;
    # Nothing is unpacked unless it is what was published.
    postFetch = ''
      if ! echo "${hex pin.hash}  $downloadedFile" | sha256sum --check --status; then
        echo "fdnix: ${pin.url} is not what was published: try again later, or build it: nix build .#index-from-source" >&2
        exit 1
      fi
      zstd --decompress --stdout --quiet "$downloadedFile" > "$out"
    '';
    passthru = {
      inherit indexed fromSource;
      published = true;
      tests.reproduces = runCommand "fdnix-index-reproduces" { } ''
        cmp ${fetched} ${fromSource}
        touch $out
      '';
    };
    meta = fromSource.meta or { };
  };
in
if usable then
  fetched
else
  fromSource.overrideAttrs (old: {
    passthru = (old.passthru or { }) // {
      inherit fromSource;
      published = false;
      tests = { };
    };
  })
