# The search index of one nixpkgs. Where ./published.json lists the revision it is fetched, by the hash of the index itself, so
# that its path depends on nothing else: neither on Nix nor on Node, nor on how it was compressed. Where it is not listed, or
# was made by a program that cannot be this one, it is made from source. `passthru.fromSource` is always that derivation, and
# `passthru.tests.reproduces` compares the two byte for byte. Another tree, or another model, or no usage texts:
#   fdnix.packages.SYSTEM.index.override { indexed = inputs.nixpkgs; usageTexts = false; }
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
  extraExtractFlags ? [ ],
}:
let
  fromSource = index-from-source.override {
    inherit
      indexed
      indexedSystem
      model
      usageTexts
      extraExtractFlags
      ;
  };
  # The program must read the format of the index, and embed queries by the model that made its vectors. Both are told by a
  # hash of the file that decides them: a pin that may not fit is passed over, and the index is built.
  sha256 = builtins.hashFile "sha256";
  pin = published.${indexed.rev or ""} or null;
  usable =
    pin != null
    && pin.layout == sha256 ../src/index/layout.ts
    && pin.model == sha256 ../src/embed/static.safetensors
    && indexedSystem == "x86_64-linux"
    && model == null
    && usageTexts
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
    # Nothing is unpacked that is not what was published.
    postFetch = ''
      echo "${hex pin.hash}  $downloadedFile" | sha256sum --check --quiet
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
