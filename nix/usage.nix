# The files that `fdnix index --usage` reads of each source, and the commit of the source: a few megabytes of 160. There
# is one folder for each source. `packages.index` is made with them; without them: index.override { usageTexts = false; }
{
  lib,
  runCommand,
  usageInputs,
}:
let
  # The files that are read of each source.
  parts = {
    tldr = "pages";
    awesome-selfhosted = "software";
    awesome-cli-apps = "readme.md";
  };
in
runCommand "fdnix-usage"
  {
    passthru.sources = lib.attrNames usageInputs;
    meta.description = "Texts about using software: ${builtins.concatStringsSep ", " (lib.attrNames usageInputs)}";
  }
  (
    "mkdir $out\n"
    + lib.concatStrings (
      lib.mapAttrsToList (name: source: ''
        mkdir $out/${name}
        cp -r ${source}/${parts.${name}} $out/${name}/
        ${lib.optionalString (source ? rev) "echo ${source.rev} > $out/${name}/.git-revision"}
      '') usageInputs
    )
  )
