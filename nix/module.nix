# services.fdnix for NixOS: an index that everybody on the machine searches, a nightly job that makes it anew and, if asked
# for, the search service, both as one user without privileges.
self:
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:
let
  cfg = config.services.fdnix;
  inherit (pkgs.stdenv.hostPlatform) system;
  index = cfg.environment.FDNIX_INDEX or "/var/lib/fdnix/index.sqlite";
  hook = shell: pkgs.runCommand "fdnix-not-found-${shell}" { } "${lib.getExe cfg.package} which --hook ${shell} > $out";
  # systemd has quotes, percent signs and dollars of its own, which a flake reference with `?narHash=…%2F` must survive.
  run = name: utils.escapeSystemdExecArgs ([ (lib.getExe cfg.package) ] ++ cfg.arguments.${name});
  published = self.packages.${system}.index or { };

  unit = {
    after = [ "network-online.target" ];
    wants = [ "network-online.target" ];
    environment = {
      FDNIX_HOME = "/var/lib/fdnix";
      HOME = "/var/lib/fdnix";
    }
    // cfg.environment;
    serviceConfig = {
      User = "fdnix";
      Group = "fdnix";
      # Everybody may read what is there: it is public, and `fdnix search` of any user opens the index.
      StateDirectory = "fdnix";
      StateDirectoryMode = "0755";
      WorkingDirectory = "/var/lib/fdnix";
      EnvironmentFile = lib.mkIf (cfg.environmentFile != null) cfg.environmentFile;
      TimeoutStopSec = 30; # a command finishes what is under way within 25 s
      UMask = "0022";
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
    index = lib.mkOption {
      type = lib.types.nullOr lib.types.path;
      default = if published.passthru.published or false then published else null;
      defaultText = lib.literalMD "the published index of the revision that fdnix pins, if there is one";
      description = ''
        The index that is searched until the first nightly job has made one. With null, a first job starts at activation.
      '';
    };
    memoryMax = lib.mkOption {
      type = lib.types.str;
      default = "5G";
      description = "Memory that the nightly job may take, all processes and their files' cache; systemd ends it beyond.";
    };
    randomizedDelay = lib.mkOption {
      type = lib.types.str;
      default = "30min";
      description = "The nightly job starts up to this much later, so that machines do not all ask at once.";
    };
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
      # What `fdnix search` of any user opens.
      environment.variables.FDNIX_INDEX = lib.mkDefault index;

      users.users.fdnix = {
        isSystemUser = true;
        group = "fdnix";
        home = "/var/lib/fdnix";
        description = "fdnix";
      };
      users.groups.fdnix = { };

      systemd.services.fdnix = lib.recursiveUpdate unit {
        description = "fdnix: extract, embed and index nixpkgs";
        path = [ config.nix.package ];
        restartIfChanged = false; # a rebuild of the system neither starts an hour's work nor breaks it off
        serviceConfig = {
          Type = "oneshot";
          ExecStart = run "run";
          SuccessExitStatus = 3; # some attributes of nixpkgs never evaluate; the log lists them
          MemoryMax = cfg.memoryMax;
          Nice = 10;
          IOSchedulingClass = "idle";
        };
      };
      systemd.timers.fdnix = {
        description = "Daily fdnix index";
        wantedBy = [ "timers.target" ];
        timerConfig = {
          OnCalendar = "*-*-* ${cfg.time}:00 UTC";
          RandomizedDelaySec = cfg.randomizedDelay;
          Persistent = true;
        };
      };
    })
    # The given index, until a nightly job has made one of its own in its place.
    (lib.mkIf (cfg.enable && cfg.index != null) {
      systemd.services.fdnix-first = lib.recursiveUpdate unit {
        description = "fdnix: the first index, as given";
        after = [ ];
        wants = [ ];
        wantedBy = [ "multi-user.target" ];
        before = [ "fdnix-search.service" ];
        serviceConfig.Type = "oneshot";
        script = ''
          if [ ! -e ${lib.escapeShellArg index} ] || [ -L ${lib.escapeShellArg index} ]; then
            ln --symbolic --force --no-dereference ${cfg.index} ${lib.escapeShellArg "${index}.new"}
            mv --no-target-directory ${lib.escapeShellArg "${index}.new"} ${lib.escapeShellArg index}
          fi
        '';
      };
    })
    # No index was given: the nightly job does not wait for the night where there is none at all.
    (lib.mkIf (cfg.enable && cfg.index == null) {
      systemd.services.fdnix-first = {
        description = "fdnix: the first index, to be made";
        wantedBy = [ "multi-user.target" ];
        unitConfig.ConditionPathExists = "!${index}";
        onSuccess = [ "fdnix.service" ];
        serviceConfig = {
          Type = "oneshot";
          ExecStart = lib.getExe' pkgs.coreutils "true";
          DynamicUser = true;
        };
      };
    })
    (lib.mkIf (cfg.enable && cfg.serve.enable) {
      systemd.services.fdnix-search = lib.recursiveUpdate unit {
        description = "fdnix: search API and web page";
        wantedBy = lib.mkIf (cfg.serve.socket == null) [ "multi-user.target" ];
        serviceConfig = {
          # It waits for the first index by itself: a path unit would start it again whenever it is stopped, and a condition
          # that fails would make an early connection to the socket start it again and again, until systemd gives the socket up.
          ExecStart = run "serve";
          MemoryMax = "1G";
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
