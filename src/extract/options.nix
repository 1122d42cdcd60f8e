# The options of NixOS, home-manager or nix-darwin (`kind`) in `tree`, in the shape of a release's options.json. If an
# option's default or example throws, only that option is lost; it is listed as `{ failed = true; }`.
{
  kind,
  tree,
  nixpkgs,
  system,
}:
let
  root = /. + tree;
  lib = import (/. + nixpkgs + "/lib");
  # In the defaults of options a package shows its attribute path, as in the manuals, and not a store path.
  pkgs = scrub "pkgs" (
    import (/. + nixpkgs) {
      inherit system;
      config = { };
      overlays = [ ];
    }
  );
  scrub =
    prefix:
    lib.mapAttrs (
      name: value:
      if lib.isAttrs value then
        scrub "${prefix}.${name}" value
        // lib.optionalAttrs (lib.isDerivation value) { outPath = "\${${prefix}.${name}}"; }
      else
        value
    );

  unchecked._module.check = false;
  evaluated =
    {
      nixos = import (root + "/nixos/lib/eval-config.nix") {
        inherit system;
        modules = [ unchecked ];
      };
      # As docs/default.nix of home-manager does it, which also finds options inside `either`.
      home-manager =
        let
          docs = import (root + "/docs") {
            inherit pkgs;
            release = "";
            isReleaseBranch = false;
          };
          extended = import (root + "/modules/lib/stdlib-extended.nix") lib;
          docsLib = docs._internal.docsLib or extended;
        in
        docsLib.evalModules {
          class = "homeManager";
          modules =
            import (root + "/modules/modules.nix") {
              inherit pkgs;
              lib = docsLib;
              check = false;
            }
            ++ [ { _module.args.pkgs = lib.mkForce pkgs; } ];
        };
      # As modules/documentation/default.nix of nix-darwin does it.
      nix-darwin = import (root + "/eval-config.nix") {
        inherit lib;
        modules = [ unchecked ];
        specialArgs = { inherit pkgs; };
        enableNixpkgsReleaseCheck = false;
      };
    }
    .${kind};

  # Relative to nixpkgs, or as the manuals of the others write it: `<home-manager/modules/programs/git.nix>`.
  declaration =
    file:
    let
      path = toString file;
    in
    if kind != "nixos" && lib.hasPrefix "${tree}/" path then
      "<${kind}/${lib.removePrefix "${tree}/" path}>"
    else
      lib.removePrefix "${nixpkgs}/" path;
  hidden = [
    "name"
    "loc"
    "visible"
    "internal"
    "relatedPackages"
  ];
  entry =
    option:
    let
      value = removeAttrs option hidden // {
        declarations = map declaration option.declarations;
      };
      tried = builtins.tryEval (builtins.deepSeq value value);
    in
    if tried.success then tried.value else { failed = true; };
  shown = lib.filter (option: option.visible && !option.internal) (
    lib.optionAttrSetToDocList evaluated.options
  );
in
lib.listToAttrs (map (option: lib.nameValuePair option.name (entry option)) shown)
