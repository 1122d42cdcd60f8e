# The options of `services.fdnix`, shared by NixOS, Home Manager and the Kubernetes manifests, and what follows from them.
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
      description = "When the index is made each day: in UTC, but in local time on macOS, whose launchd knows no other.";
    };

    nixpkgs = optionalString "The nixpkgs to evaluate, a path or flake reference. By default the revision that fdnix pins." "github:NixOS/nixpkgs/nixos-unstable";
    channel = optionalString "A channel to follow instead: its releases carry the metadata, nothing is evaluated." "nixos-unstable";
    store = optionalString "Where records live; a local database by default." "dynamodb:fdnix-packages";
    blobs = optionalString "Where vectors live; the state directory by default." "s3://fdnix-vec";
    model = optionalString "The embedding model; the one that is shipped by default." "bedrock:cohere.embed-english-v3";

    maxMemory = mkOption {
      type = types.nullOr types.ints.positive;
      default = 3072;
      description = "MiB that all evaluators of the daily job may take together; null: nine tenths of what the machine has.";
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
      description = "Whether bash, zsh and fish say which package has a command that they do not know, by the index that fdnix finds for the user.";
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
