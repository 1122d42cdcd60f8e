# The options of `services.fdnix` for NixOS, Home Manager and the Kubernetes manifests, and the values that follow from
# them.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.services.fdnix;
  optionalString =
    description: example:
    mkOption {
      type = types.nullOr types.str;
      default = null;
      inherit description example;
    };
  flag = name: value: lib.optional (value != null) "--${name}=${value}";
in
{
  options.services.fdnix = {
    enable = lib.mkEnableOption "the daily fdnix index of nixpkgs, and its search";

    package = mkOption {
      type = types.package;
      description = "The fdnix to run.";
    };

    time = mkOption {
      type = types.strMatching "([01][0-9]|2[0-3]):[0-5][0-9]";
      default = "02:00";
      description = "The time of day at which the index is made, in UTC. On macOS it is local time, because launchd knows no other.";
    };

    nixpkgs = optionalString "The nixpkgs to evaluate, a path or flake reference. By default the revision that fdnix pins." "github:NixOS/nixpkgs/nixos-unstable";
    channel = optionalString "A channel to follow instead. Its releases have the metadata, so nothing is evaluated." "nixos-unstable";
    options = mkOption {
      type = types.bool;
      default = cfg.nixpkgs == null && (cfg.channel == null || lib.hasPrefix "nixos-" cfg.channel);
      defaultText = lib.literalMD "true, unless `nixpkgs` is set, or a channel without options";
      description = "Whether the index has the options of NixOS too, those of the same nixpkgs.";
    };
    usage = mkOption {
      type = types.listOf types.path;
      default = [ ];
      example = lib.literalExpression "[ inputs.tldr ]";
      description = "Checkouts with texts about using software, such as that of tldr-pages. With them more is found by purpose.";
    };
    store = optionalString "The place of the records. By default a local database." "dynamodb:fdnix-packages";
    blobs = optionalString "The place of the vectors. By default the state directory." "s3://fdnix-vec";
    model = optionalString "The embedding model. By default the one that ships with fdnix." "bedrock:cohere.embed-english-v3";

    maxMemory = mkOption {
      type = types.nullOr types.ints.positive;
      default = 3072;
      description = "Memory in MiB for all evaluators of the daily job together. With null, nine tenths of the memory of the machine.";
    };

    extraFlags = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "--allow-shrink" ];
      description = "More flags for `fdnix run`.";
    };

    environment = mkOption {
      type = types.attrsOf types.str;
      default = { };
      example.AWS_REGION = "eu-central-1";
      description = "Environment of all fdnix services.";
    };

    commandNotFound = mkOption {
      type = types.bool;
      default = false;
      description = "Whether bash, zsh and fish name the package of an unknown command, from the index that fdnix finds for the user.";
    };

    serve = {
      enable = lib.mkEnableOption "the HTTP API and web page";
      host = mkOption {
        type = types.str;
        default = "127.0.0.1";
        description = "Address to listen on.";
      };
      port = mkOption {
        type = types.port;
        default = 8080;
        description = "Port to listen on.";
      };
    };

    arguments = mkOption {
      type = types.attrsOf (types.listOf types.str);
      readOnly = true;
      internal = true;
      description = "Arguments of fdnix, by command.";
    };
    assertions = mkOption {
      type = types.listOf types.raw;
      readOnly = true;
      internal = true;
      description = "What must hold, in the form of NixOS' assertions.";
    };
  };

  config.services.fdnix = {
    arguments = {
      run = [
        "run"
      ]
      ++ flag "nixpkgs" cfg.nixpkgs
      ++ flag "from" (
        if cfg.channel == null then
          null
        else
          "https://channels.nixos.org/${cfg.channel}/packages.json.br"
      )
      ++ lib.optional cfg.options "--options"
      ++ map (folder: "--usage=${folder}") cfg.usage
      ++ flag "store" cfg.store
      ++ flag "blobs" cfg.blobs
      ++ flag "model" cfg.model
      ++ flag "max-memory" (if cfg.maxMemory == null then null else toString cfg.maxMemory)
      ++ cfg.extraFlags;
      serve = [
        "serve"
        "--wait"
        "--host"
        cfg.serve.host
        "--port"
        (toString cfg.serve.port)
      ];
    };
    assertions = [
      {
        assertion = cfg.nixpkgs == null || cfg.channel == null;
        message = "services.fdnix: nixpkgs and channel exclude each other; set one of them.";
      }
      {
        assertion = cfg.nixpkgs == null || !lib.hasPrefix "." cfg.nixpkgs;
        message = "services.fdnix.nixpkgs: ${toString cfg.nixpkgs} is relative to nothing; give an absolute path or a flake reference.";
      }
    ];
  };
}
