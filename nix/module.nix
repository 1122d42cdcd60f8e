# services.fdnix for NixOS: a nightly job and, if asked for, the search service, both as one dynamic user without privileges.
self:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.fdnix;
  inherit (pkgs.stdenv.hostPlatform) system;
  index = cfg.environment.FDNIX_INDEX or "/var/lib/fdnix/index.sqlite";
  hook = shell: pkgs.runCommand "fdnix-not-found-${shell}" { } "${lib.getExe cfg.package} which --hook ${shell} > $out";
  run = name: lib.escapeShellArgs ([ (lib.getExe cfg.package) ] ++ cfg.arguments.${name});

  unit = {
    after = [ "network-online.target" ];
    wants = [ "network-online.target" ];
    environment = {
      FDNIX_HOME = "/var/lib/fdnix";
      HOME = "/var/lib/fdnix";
    }
    // cfg.environment;
    serviceConfig = {
      DynamicUser = true;
      User = "fdnix"; # one name, so that both services own the same state
      StateDirectory = "fdnix";
      StateDirectoryMode = "0750";
      WorkingDirectory = "/var/lib/fdnix";
      EnvironmentFile = lib.mkIf (cfg.environmentFile != null) cfg.environmentFile;
      TimeoutStopSec = 30; # a command finishes what is under way within 25 s
      UMask = "0027";
      CapabilityBoundingSet = "";
      LockPersonality = true;
      # Not MemoryDenyWriteExecute, which stops V8's compiler, nor ProcSubset, which hides how much memory there is.
      NoNewPrivileges = true;
      PrivateDevices = true;
      PrivateTmp = true;
      PrivateUsers = true;
      ProtectClock = true;
      ProtectControlGroups = true;
      ProtectHome = true;
      ProtectHostname = true;
      ProtectKernelLogs = true;
      ProtectKernelModules = true;
      ProtectKernelTunables = true;
      ProtectProc = "invisible";
      ProtectSystem = "strict";
      RemoveIPC = true;
      RestrictAddressFamilies = [
        "AF_INET"
        "AF_INET6"
        "AF_UNIX"
      ];
      RestrictNamespaces = true;
      RestrictRealtime = true;
      RestrictSUIDSGID = true;
      SystemCallArchitectures = "native";
      SystemCallFilter = [
        "@system-service"
        "~@privileged"
      ];
      SystemCallErrorNumber = "EPERM";
    };
  };
in
{
  imports = [ ./options.nix ];

  options.services.fdnix = {
    environmentFile = lib.mkOption {
      type = lib.types.nullOr lib.types.path;
      default = null;
      example = "/run/secrets/fdnix";
      description = "File with more environment, such as AWS credentials; it stays out of the store.";
    };
    serve.socket = lib.mkOption {
      type = lib.types.nullOr lib.types.path;
      default = null;
      example = "/run/fdnix.sock";
      description = "A Unix socket, for a proxy before it, in place of host and port.";
    };
    serve.openFirewall = lib.mkEnableOption "the service's port in the firewall";
  };

  config = lib.mkMerge [
    {
      services.fdnix.package = lib.mkDefault (
        self.packages.${system}.fdnix
          or (throw "services.fdnix: fdnix is not built for ${system}; set services.fdnix.package, or use one of ${toString (lib.attrNames self.packages)}")
      );
    }
    (lib.mkIf cfg.enable {
      inherit (cfg) assertions;
      environment.systemPackages = [ cfg.package ];

      systemd.services.fdnix = lib.recursiveUpdate unit {
        description = "fdnix: extract, embed and index nixpkgs";
        path = [ config.nix.package ];
        serviceConfig = {
          Type = "oneshot";
          ExecStart = run "run";
          SuccessExitStatus = 3; # some attributes of nixpkgs never evaluate; the log lists them
          Nice = 10;
          IOSchedulingClass = "idle";
        };
      };
      systemd.timers.fdnix = {
        description = "Daily fdnix index";
        wantedBy = [ "timers.target" ];
        timerConfig = {
          OnCalendar = "*-*-* ${cfg.time}:00 UTC";
          Persistent = true;
        };
      };
    })
    (lib.mkIf (cfg.enable && cfg.serve.enable) {
      systemd.services.fdnix-search = lib.recursiveUpdate unit {
        description = "fdnix: search API and web page";
        unitConfig.ConditionPathExists = index;
        wantedBy = lib.mkIf (cfg.serve.socket == null) [ "multi-user.target" ];
        serviceConfig = {
          ExecStart = run "serve";
          Restart = "on-failure";
          RestartSec = 5;
        };
      };
      networking.firewall.allowedTCPPorts = lib.mkIf cfg.serve.openFirewall [ cfg.serve.port ];
    })
    (lib.mkIf cfg.commandNotFound {
      environment.systemPackages = [ cfg.package ];
      programs.command-not-found.enable = lib.mkDefault false;
      programs.bash.interactiveShellInit = "source ${hook "bash"}";
      programs.zsh.interactiveShellInit = "source ${hook "zsh"}";
      programs.fish.interactiveShellInit = "source ${hook "fish"}";
    })
    # Starts the service when there is an index: at once, or when the first nightly job has made one.
    (lib.mkIf (cfg.enable && cfg.serve.enable && cfg.serve.socket == null) {
      systemd.paths.fdnix-search = {
        description = "fdnix: the first index";
        wantedBy = [ "multi-user.target" ];
        pathConfig.PathExists = index;
      };
    })
    (lib.mkIf (cfg.enable && cfg.serve.enable && cfg.serve.socket != null) {
      systemd.sockets.fdnix-search = {
        description = "fdnix: search API and web page";
        wantedBy = [ "sockets.target" ];
        socketConfig = {
          ListenStream = cfg.serve.socket;
          SocketMode = "0666";
        };
      };
    })
  ];
}
