# Evaluates the metadata of some attributes of nixpkgs. Each result is written to stderr as soon as it is known, so the
# death of this process costs only the attribute that it was evaluating. The units of work are in the files `${units}/0`,
# `${units}/1` …: when a unit is done and the next one is there, the process continues with it, because a new process would
# have to load nixpkgs, and evaluate everything that packages share, once more. Each line begins with `mark`:
#   {"platforms":{…}}   once: the tree's lists of platforms, which records name instead of repeating up to 85 strings
#   {"unit":1}          the next unit begins
#   ["a","b"]           the attribute path that is evaluated next
#   {"record":…}        it is a derivation, in the shape of a release's packages.json without the fields that no record needs
#   {"names":[…],"inline":…}  it is a set to recurse into: here if `inline`, else in other units
#   {"thrown":true}     it throws (only with `catch`, because Nix code cannot see the message)
{ units, nixpkgs, system, mark }:
let
  inherit (builtins) isAttrs isList length intersectAttrs mapAttrs;

  config = nixpkgs + "/pkgs/top-level/packages-config.nix";
  pkgs = import nixpkgs {
    inherit system;
    config = if builtins.pathExists config then import config else { allowAliases = false; };
    overlays = [ ];
  };

  say = value: rest: builtins.trace (mark + builtins.toJSON value) rest;

  # intersectAttrs selects fields without evaluating any of them.
  pick = fields: value: if isAttrs value then intersectAttrs fields value else value;
  each = f: value: if isList value then map f value else f value;
  fields = names: builtins.listToAttrs (map (name: { inherit name; value = null; }) names);
  metaFields = fields [
    "description" "longDescription" "homepage" "mainProgram" "changelog"
    "broken" "insecure" "knownVulnerabilities" "unfree" "available"
  ];
  reducedFields = {
    license = licence;
    maintainers = each (pick (fields [ "github" "name" "email" ]));
    teams = each (pick (fields [ "shortName" "github" "name" ]));
    inherit platforms;
  };
  licenceFields = fields [ "spdxId" "shortName" "fullName" "licenseType" "operator" "licenses" "license" "exception" ];
  compoundFields = fields [ "licenses" "license" "exception" ];
  licence = each (
    value:
    let
      picked = pick licenceFields value;
    in
    if isAttrs value && intersectAttrs compoundFields value != { } then
      picked // mapAttrs (_: licence) (intersectAttrs compoundFields value)
    else
      picked
  );

  # Lists share their elements, and Nix compares an element with itself by address: finding a list costs next to nothing.
  known =
    let
      lists = builtins.removeAttrs (pkgs.lib.platforms or { }) [ "override" "overrideDerivation" ];
      both = if lists ? linux && lists ? darwin then { "linux darwin" = lists.linux ++ lists.darwin; } else { };
    in
    both // builtins.listToAttrs (
      builtins.filter (entry: isList entry.value) (
        map (name: { inherit name; value = lists.${name}; }) (builtins.attrNames lists)
      )
    );
  knownByLength = builtins.groupBy (name: toString (length known.${name})) (builtins.attrNames known);
  platforms =
    list:
    let
      same = builtins.filter (name: known.${name} == list) (knownByLength.${toString (length list)} or [ ]);
    in
    if !isList list || same == [ ] then list else { known = builtins.head same; };

  # The file in which mkDerivation sees a package, unless it is told another one. `.file` costs nothing, but for `.line`
  # Nix 2.26 reads the whole file each time: 8 ms for a file of 3 MB.
  apparentFile =
    value:
    let
      pos =
        if value.meta.description or null != null then builtins.unsafeGetAttrPos "description" value.meta
        else if value.version or null != null then builtins.unsafeGetAttrPos "version" value
        else builtins.unsafeGetAttrPos "name" value;
    in
    if pos == null then null else pos.file;

  # { position } is exact. With { file, from } the caller finds the line itself, by what it has learned from exact
  # positions in the same `file`. For each set and apparent file (`from`), `seen` has two things: the large file that
  # really holds the packages (the same one, or another if a builder sets `pos`), and how many more exact positions the
  # caller shall have. At the root every package has its own builder, so one says nothing about the next.
  samples = 3;
  locate =
    work: seen: prefix: value:
    let
      ofSet = seen.${prefix} or { };
      from = apparentFile value;
      position = value.meta.position;
      file =
        if builtins.substring 0 (builtins.stringLength from + 1) position == "${from}:" then from
        else builtins.head (builtins.match "(.*):[0-9]+" position);
      more = ofSet.${from}.more or samples;
    in
    if !(value.meta ? position) then
      { inherit seen; fields = { }; }
    else if work.exact || from == null then
      { inherit seen; fields = { inherit position; }; }
    else if more == 0 then
      { inherit seen; fields = { inherit from; inherit (ofSet.${from}) file; }; }
    else if work.large ? ${file} && !(prefix == "" && from != file) then
      {
        seen = seen // { ${prefix} = ofSet // { ${from} = { inherit file; more = more - 1; }; }; };
        fields = { inherit position file from; };
      }
    else
      { inherit seen; fields = { inherit position; }; };

  record = value: located: {
    record = {
      pname = value.pname or value.name;
      version = value.version or "";
      outputs = value.outputs or [ ];
      meta =
        intersectAttrs metaFields value.meta
        // mapAttrs (name: _: reducedFields.${name} value.meta.${name}) (intersectAttrs reducedFields value.meta);
    };
  } // located;

  # Visits return what they have `seen`.
  visit =
    work: seen: prefix: path: value:
    if !isAttrs value then
      seen
    else if value.type or null == "derivation" then
      let
        whole = if value ? meta then value else value // { meta = { }; };
        located = locate work seen prefix whole;
      in
      say (record whole located.fields) located.seen
    # A set that is named explicitly is entered even if nixpkgs' own listing skips it.
    else if value.recurseForDerivations or false || builtins.elem path work.named then
      let
        names = builtins.attrNames value;
        inline = length names <= work.inline;
      in
      say { inherit names inline; } (if inline then walk work seen path value names else seen)
    else
      seen;

  walk =
    work: seen: prefix: set: names:
    builtins.foldl' (
      seen: name:
      let
        path = "${prefix}${builtins.toJSON name}";
        visited = visit work seen prefix "${path}," set.${name};
        caught = builtins.tryEval visited;
      in
      builtins.trace "${mark}[${path}]" (
        if !work.catch then visited
        else if caught.success then caught.value
        else say { thrown = true; } seen
      )
    ) seen names;

  deliberate = [ "AAAAAASomeThingsFailToEvaluate" ];
  part =
    work: seen:
    { path, names, exact, catch }:
    let
      set = builtins.foldl' (set: name: set.${name}) pkgs path;
      prefix = builtins.concatStringsSep "" (map (name: "${builtins.toJSON name},") path);
      # Some names at the root are guessed, before it is listed.
      exists = name: pkgs ? ${name} && !(builtins.elem name deliberate);
      kept = if path == [ ] then builtins.filter exists names else names;
    in
    walk (work // { inherit exact catch; }) seen prefix set kept;

  # Without parts: list the names at the root, and evaluate the `first` of them.
  unit =
    work: seen:
    let
      names = builtins.attrNames pkgs;
      first = builtins.genList (builtins.elemAt names) (if work.first < length names then work.first else length names);
    in
    if work.parts != [ ] then builtins.foldl' (part work) seen work.parts
    else say { inherit names; inline = false; } (
      part work seen { path = [ ]; names = first; exact = false; catch = false; }
    );

  run =
    n: seen:
    let
      file = "${units}/${toString n}";
      after = unit (builtins.fromJSON (builtins.readFile file)) seen;
    in
    if !builtins.pathExists file then
      true
    else if n == 0 then
      builtins.seq after (run 1 after)
    else
      say { unit = n; } (builtins.seq after (run (n + 1) after));
in
say { platforms = known; } (run 0 { })
