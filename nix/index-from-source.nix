# The search index of one nixpkgs, made: Nix evaluates inside the build sandbox, the shipped model embeds, one file comes
# out. The system is fixed, so every machine builds the same bytes. It takes 109 seconds of CPU and 3 GiB for all of nixpkgs.
{
  lib,
  runCommand,
  fdnix,
  nix,
  onnx-runtime,
  indexed,
  usage,
  indexedSystem ? "x86_64-linux",
  model ? null,
  usageTexts ? true,
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
    # Several evaluators at once, each of a GiB: a machine that is meant for small jobs is not asked.
    requiredSystemFeatures = [ "big-parallel" ];
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
      # Of all evaluators together, whatever the machine has: a builder runs other builds beside this one.
      "--max-memory"
      "3072"
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
    usageFlags = lib.optionals usageTexts (
      builtins.concatMap (name: [
        "--usage"
        "${usage}/${name}"
      ]) usage.sources
    );
    # Positions in nixpkgs are relative; any store path in the index would drag its closure along.
    outputChecks.out.allowedReferences = [ ];
    __structuredAttrs = true;
    passthru = {
      inherit indexed indexedSystem;
    };
    meta.description = "Search index of nixpkgs ${if revision == null then "" else revision}";
  }
  ''
    export HOME=$TMPDIR FDNIX_HOME=$TMPDIR/fdnix
    # Status 3: some attributes of nixpkgs throw; they are listed, and everybody who builds this loses the same ones. One that
    # is lost to a limit of this machine ends with status 5 and fails the build: a poorer index is never passed off as whole.
    # The pipe, because Nix gives builders a terminal, and lines read better in a log than a progress bar.
    {
      fdnix extract --jobs "$NIX_BUILD_CORES" "''${extractFlags[@]}" || [ $? = 3 ]
      fdnix embed "''${embedFlags[@]}" "''${usageFlags[@]}" || [ $? = 3 ]
      fdnix index "''${embedFlags[@]}" --output $TMPDIR/index
    } 2>&1 | cat
    cp $TMPDIR/index "''${outputs[out]}"
  ''
