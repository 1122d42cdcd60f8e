# What the readers of `fdnix index --usage` look at in each source, and the commit that it is of: a few megabytes of 160. One
# folder a source, which is what `packages.index` is made with. Without them: index.override { usageTexts = false; }
{
  lib,
  runCommand,
  usageInputs,
}:
let
  # What is read of each source.
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
