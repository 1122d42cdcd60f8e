# Builds the search index of one nixpkgs: Nix evaluates inside the build sandbox, the shipped model embeds, and one file
# comes out. The system is fixed, so every machine builds the same bytes. It takes 109 seconds of CPU and 3 GiB for all
# of nixpkgs.
{
  lib,
  runCommand,
  fetchurl,
  fdnix,
  nix,
  onnx-runtime,
  indexed,
  usage,
  optionInputs,
  programsList,
  indexedSystem ? "x86_64-linux",
  model ? null,
  usageTexts ? true,
  options ? true,
  extraExtractFlags ? [ ],
}:
let
  # A path of this machine would change the result. The pinned nixpkgs is in the store.
  source =
    if builtins.isPath (indexed.outPath or indexed) || lib.hasPrefix builtins.storeDir (toString indexed) then
      indexed
    else
      throw "fdnix: ${toString indexed} is not in the Nix store: give a flake input (flake = false), or builtins.path { path = …; name = \"source\"; }";
  revision = indexed.rev or null;
  revisionOf =
    input:
    lib.optionals (input ? rev) [
      "--revision"
      input.rev
    ];
  evaluation = [
    "--nixpkgs"
    "${source}"
    "--system"
    indexedSystem
  ];
  # The list of programs that the channel published beside this revision, by the name of that release.
  listed = programsList.${if revision == null then "" else revision} or null;
  list = "${baseNameOf (dirOf listed.url)}/nixexprs.tar.xz";
  archive = fetchurl {
    name = "nixexprs.tar.xz";
    inherit (listed) url hash;
  };
  # The modules of NixOS are part of nixpkgs. The others are evaluated with it.
  modules = [
    (revisionOf indexed)
  ]
  ++ lib.mapAttrsToList (
    scope: input:
    [
      "--scope"
      scope
      "--from"
      "${input}"
    ]
    ++ revisionOf input
  ) optionInputs;
in
runCommand "fdnix-index-${if revision == null then "local" else builtins.substring 0 12 revision}"
  {
    strictDeps = true;
    nativeBuildInputs = [
      fdnix
      nix
    ];
    # Several evaluators run at once, each with a GiB, so machines for small jobs are not asked.
    requiredSystemFeatures = [ "big-parallel" ];
    # The time that the index states is that of the revision.
    env = {
      SOURCE_DATE_EPOCH = toString (indexed.lastModified or 1);
    }
    // lib.optionalAttrs (model.provider or null == "onnx") {
      FDNIX_ONNX_DIR = "${onnx-runtime}";
    };
    extractFlags =
      evaluation
      ++ [
        # For all evaluators together, whatever the machine has, because a builder runs other builds beside this one.
        "--max-memory"
        "3072"
      ]
      ++ revisionOf indexed
      ++ lib.optionals (listed != null) [
        "--programs"
        list
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
    # Positions in nixpkgs are relative. Any store path in the index would bring its closure along.
    outputChecks.out.allowedReferences = [ ];
    __structuredAttrs = true;
    passthru = {
      inherit indexed indexedSystem;
    };
    meta.description = "Search index of nixpkgs ${if revision == null then "" else revision}";
  }
  ''
    export HOME=$TMPDIR FDNIX_HOME=$TMPDIR/fdnix
    # Status 3: some attributes of nixpkgs throw. They are listed, and everybody who builds this loses the same ones. If
    # a limit of this machine costs an attribute, the status is 5 and the build fails, because a poorer index must not
    # look whole. The pipe is there because Nix gives builders a terminal, and lines are easier to read in a log than a
    # progress bar.
    {
      ${
        if listed == null then
          ''echo "no list of programs is pinned for this revision: the index has the table that ships, which says what is likely"''
        else
          "mkdir ${dirOf list} && ln -s ${archive} ${list}"
      }
      fdnix extract --jobs "$NIX_BUILD_CORES" "''${extractFlags[@]}" || [ $? = 3 ]
      ${lib.optionalString options ''
        if [ -e ${source}/nixos ]; then
          ${lib.concatMapStrings (flags: ''
            fdnix extract --options ${lib.escapeShellArgs (evaluation ++ flags)} || [ $? = 3 ]
          '') modules}
        else
          echo "this nixpkgs has no NixOS in it, so the index has no options"
        fi
      ''}
      fdnix embed "''${embedFlags[@]}" "''${usageFlags[@]}" || [ $? = 3 ]
      # What became of removed names, which nixpkgs itself says.
      aliases=()
      if [ -e ${source}/pkgs/top-level/aliases.nix ]; then aliases=(--aliases ${source}); fi
      fdnix index "''${embedFlags[@]}" "''${aliases[@]}" --output $TMPDIR/index
    } 2>&1 | cat
    cp $TMPDIR/index "''${outputs[out]}"
  ''
