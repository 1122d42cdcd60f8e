# The search index of one nixpkgs as a derivation: Nix evaluates inside the build sandbox, the shipped model embeds, one
# file comes out. The system is fixed, so every machine builds the same bytes. Another tree:
# fdnix.packages.SYSTEM.index.override { indexed = inputs.nixpkgs; }
{
  lib,
  runCommand,
  fdnix,
  nix,
  onnx-runtime,
  indexed,
  indexedSystem ? "x86_64-linux",
  model ? null,
  extraExtractFlags ? [ ],
}:
let
  # A path of this machine would make the result depend on it; the store holds what is pinned.
  source =
    if builtins.isPath (indexed.outPath or indexed) || lib.hasPrefix builtins.storeDir (toString indexed) then
      indexed
    else
      throw "fdnix: ${toString indexed} is not in the Nix store: give a flake input (flake = false), or builtins.path { path = …; name = \"source\"; }";
  revision = indexed.rev or null;
in
runCommand "fdnix-index-${if revision == null then "local" else builtins.substring 0 12 revision}"
  {
    strictDeps = true;
    nativeBuildInputs = [
      fdnix
      nix
    ];
    # The time that the index states is that of the revision.
    env = {
      SOURCE_DATE_EPOCH = toString (indexed.lastModified or 1);
    }
    // lib.optionalAttrs (model.provider or null == "onnx") {
      FDNIX_ONNX_DIR = "${onnx-runtime}";
    };
    extractFlags = [
      "--nixpkgs"
      "${source}"
      "--system"
      indexedSystem
    ]
    ++ lib.optionals (revision != null) [
      "--revision"
      revision
    ]
    ++ extraExtractFlags;
    embedFlags = lib.optionals (model != null) [
      "--model"
      "${model.provider or "model2vec"}:${model}"
    ];
    # Positions in nixpkgs are relative; any store path in the index would drag its closure along.
    outputChecks.out.allowedReferences = [ ];
    __structuredAttrs = true;
    passthru = { inherit indexed; };
    meta.description = "Search index of nixpkgs ${if revision == null then "" else revision}";
  }
  ''
    export HOME=$TMPDIR FDNIX_HOME=$TMPDIR/fdnix
    # Status 3: some attributes of nixpkgs never evaluate; they are listed, the rest is complete.
    # The pipe, because Nix gives builders a terminal, and lines read better in a log than a progress bar.
    {
      fdnix extract --jobs "$NIX_BUILD_CORES" "''${extractFlags[@]}" || [ $? = 3 ]
      fdnix embed "''${embedFlags[@]}" || [ $? = 3 ]
      fdnix index "''${embedFlags[@]}" --output $TMPDIR/index
    } 2>&1 | cat
    cp $TMPDIR/index "''${outputs[out]}"
  ''
