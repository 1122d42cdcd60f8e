# The options of NixOS, in the shape of a release's options.json. If an option's default or example throws, only that
# option is lost; it is listed as `{ failed = true; }`.
{ nixpkgs, system }:
let
  lib = import (nixpkgs + "/lib");
  evaluated = import (nixpkgs + "/nixos/lib/eval-config.nix") {
    inherit system;
    modules = [ { _module.check = false; } ];
  };
  shown = lib.filter (option: option.visible && !option.internal) (lib.optionAttrSetToDocList evaluated.options);
  entry =
    option:
    let
      value = removeAttrs option [ "name" "loc" "visible" "internal" "relatedPackages" ] // {
        declarations = map (file: lib.removePrefix "${toString nixpkgs}/" (toString file)) option.declarations;
      };
      tried = builtins.tryEval (builtins.deepSeq value value);
    in
    if tried.success then tried.value else { failed = true; };
in
lib.listToAttrs (map (option: lib.nameValuePair option.name (entry option)) shown)
