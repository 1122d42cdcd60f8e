# Stand-in for nixpkgs' lib. Each function does what its namesake does for the arguments that our flake gives it.
let
  inherit (builtins)
    attrNames
    attrValues
    concatLists
    concatStringsSep
    elem
    filter
    functionArgs
    hasAttr
    intersectAttrs
    isAttrs
    isFunction
    isList
    listToAttrs
    map
    mapAttrs
    replaceStrings
    stringLength
    substring
    ;
  # Not typed, not merged beyond one level of attribute sets: enough for options with defaults and one definition each.
  collect =
    path: tree:
    if tree._type or "" == "option" then
      [ { inherit path; option = tree; } ]
    else
      concatLists (map (name: collect (path ++ [ name ]) tree.${name}) (attrNames tree));
in
rec {
  inherit
    attrNames
    concatLists
    concatStringsSep
    elem
    filter
    mapAttrs
    substring
    ;
  version = "stand-in";
  licenses.mit.spdxId = "MIT";
  getLicenseFromSpdxId = spdxId: { inherit spdxId; };
  unique = builtins.foldl' (seen: x: if elem x seen then seen else seen ++ [ x ]) [ ];
  inherit (builtins) genList head;
  platforms.unix = [ ];

  nameValuePair = name: value: { inherit name value; };
  genAttrs = names: f: listToAttrs (map (name: nameValuePair name (f name)) names);
  getAttrs = names: attrs: genAttrs names (name: attrs.${name});
  optional = condition: value: if condition then [ value ] else [ ];
  optionals = condition: list: if condition then list else [ ];
  optionalString = condition: text: if condition then text else "";
  optionalAttrs = condition: attrs: if condition then attrs else { };
  filterAttrs =
    keep: attrs: getAttrs (filter (name: keep name attrs.${name}) (attrNames attrs)) attrs;
  mapAttrs' = f: attrs: listToAttrs (attrValues (mapAttrs f attrs));
  mapAttrsToList = f: attrs: attrValues (mapAttrs f attrs);
  recursiveUpdate =
    a: b:
    a // mapAttrs (n: v: if isAttrs v && isAttrs (a.${n} or null) then recursiveUpdate a.${n} v else v) b;
  concatStrings = concatStringsSep "";
  concatMapStrings = f: list: concatStrings (map f list);
  hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
  hasInfix = infix: text: replaceStrings [ infix ] [ "" ] text != text;
  escapeShellArg = text: "'${replaceStrings [ "'" ] [ "'\\''" ] (toString text)}'";
  escapeShellArgs = args: concatStringsSep " " (map escapeShellArg args);
  importJSON = path: builtins.fromJSON (builtins.readFile path);
  toIntBase10 = text: builtins.fromJSON (if hasPrefix "0" text && stringLength text > 1 then substring 1 9 text else text);
  getExe' = package: name: "${package}/bin/${name}";
  getExe = package: getExe' package package.meta.mainProgram;
  makeBinPath = packages: concatStringsSep ":" (map (package: "${package}/bin") packages);
  meta.availableOn = _: _: true;

  makeOverridable =
    f: args: (f args) // { override = more: makeOverridable f (args // more); };
  callPackageWith =
    scope: path: args:
    let
      f = if isFunction path then path else import path;
      result = f (intersectAttrs (functionArgs f) scope // args);
    in
    if isAttrs result then
      result // { override = more: callPackageWith scope path (args // more); }
    else
      result;

  # A file set is the list of its paths; the source is the whole root, but for what a checkout gets by installing.
  fileset = {
    unions = concatLists;
    difference = a: _: a;
    maybeMissing = _: [ ];
    toSource =
      { root, ... }:
      builtins.path {
        path = root;
        name = "source";
        filter = path: _: !elem (baseNameOf path) [ "node_modules" ".git" "dist" ];
      };
  };

  mkOption = option: option // { _type = "option"; };
  mkEnableOption = _: mkOption { default = false; };
  # Without priorities and without merging lists.
  mkIf = condition: definition: if condition then definition else { };
  mkMerge = builtins.foldl' recursiveUpdate { };
  mkDefault = definition: definition;
  literalMD = text: text;
  types = {
    anything = null;
    attrsOf = _: null;
    listOf = _: null;
    nullOr = _: null;
    package = null;
    path = null;
    port = null;
    raw = null;
    str = null;
    strMatching = _: null;
  };
  evalModules =
    { modules }:
    let
      loaded = map (
        module:
        let
          m = if isAttrs module then module else import module;
        in
        if isFunction m then m { inherit config lib; } else m
      ) modules;
      lib = import ./lib.nix;
      options = concatLists (map (m: collect [ ] (m.options or { })) loaded);
      set = path: value: builtins.foldl' (inner: name: { ${name} = inner; }) value (reverse path);
      reverse = list: if list == [ ] then [ ] else reverse (builtins.tail list) ++ [ (builtins.head list) ];
      definitions = map (m: m.config or (removeAttrs m [ "options" "imports" ])) loaded;
      defaults = map ({ path, option }: set path (option.default or null)) options;
      config = builtins.foldl' recursiveUpdate { } (defaults ++ definitions);
    in
    {
      inherit config;
    };
}
