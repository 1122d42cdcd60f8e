# services.fdnix for NixOS: an index for everybody on the machine, a nightly job that makes it anew and, on request, the
# search service. Job and service run as one user without privileges. `localAws`, by itself or beside them, is for trying
# the AWS pipeline on one machine.
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
  # systemd interprets quotes, percent signs and dollars. A flake reference with `?narHash=…%2F` must survive that.
  run = name: utils.escapeSystemdExecArgs ([ (lib.getExe cfg.package) ] ++ cfg.arguments.${name});
  published = self.packages.${system}.index or { };
  services =
    self.apps.${system}.services.program
      or (throw "services.fdnix.localAws: fdnix is not built for ${system}; use one of ${toString (lib.attrNames self.apps)}");

  # MemoryDenyWriteExecute is left out because it stops V8's compiler, and ProcSubset because it hides the size of memory.
  hardening = {
    CapabilityBoundingSet = "";
    LockPersonality = true;
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
      # Everybody may read these files: they are public, and any user's `fdnix search` opens the index.
      StateDirectory = "fdnix";
      StateDirectoryMode = "0755";
      WorkingDirectory = "/var/lib/fdnix";
      EnvironmentFile = lib.mkIf (cfg.environmentFile != null) cfg.environmentFile;
      TimeoutStopSec = 30; # a command finishes what is under way within 25 s
      UMask = "0022";
    }
    // hardening;
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
      description = "The limit of memory of the nightly job, for all its processes and their file cache. systemd ends the job above it.";
    };
    randomizedDelay = lib.mkOption {
      type = lib.types.str;
      default = "30min";
      description = "The longest random delay of the nightly job. It keeps machines from asking all at the same time.";
    };
    environmentFile = lib.mkOption {
      type = lib.types.nullOr lib.types.path;
      default = null;
      example = "/run/secrets/fdnix";
      description = "A file with more environment variables, such as AWS credentials, which must not be in the store.";
    };
    serve.socket = lib.mkOption {
      type = lib.types.nullOr lib.types.path;
      default = null;
      example = "/run/fdnix.sock";
      description = "A Unix socket to listen on instead of host and port, for example behind a proxy.";
    };
    serve.openFirewall = lib.mkEnableOption "the service's port in the firewall";
    localAws.enable = lib.mkEnableOption "emulators of DynamoDB, S3 and Bedrock on the loopback interface, in memory. With USE_LOCALSTACK=true the commands of fdnix use them";
    localAws.port = lib.mkOption {
      type = lib.types.port;
      default = 4566;
      description = "The port of all three. If it is not LocalStack's, `LOCALSTACK_HOST=localhost:PORT` tells it to the commands.";
    };
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
      # The index that any user's `fdnix search` opens.
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
    # The given index, until a nightly job has made another in its place.
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
    # No index was given. If there is none at all, the nightly job does not wait for the night.
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
          # The service itself waits for the first index. A path unit would start it again whenever it is stopped. With
          # a condition that fails, an early connection to the socket would start it again and again, until systemd
          # gives the socket up.
          ExecStart = run "serve";
          MemoryMax = "1G";
          Restart = "on-failure";
          RestartSec = 5;
        };
      };
      networking.firewall.allowedTCPPorts = lib.mkIf cfg.serve.openFirewall [ cfg.serve.port ];
    })
    (lib.mkIf cfg.localAws.enable {
      environment.systemPackages = [ cfg.package ];
      systemd.services.fdnix-local-aws = {
        description = "fdnix: emulators of DynamoDB, S3 and Bedrock";
        wantedBy = [ "multi-user.target" ];
        serviceConfig = hardening // {
          ExecStart = utils.escapeSystemdExecArgs [
            services
            "--port"
            (toString cfg.localAws.port)
          ];
          DynamicUser = true;
          # The program listens on 127.0.0.1 only, and has nobody to call.
          IPAddressAllow = "localhost";
          IPAddressDeny = "any";
          Restart = "on-failure";
          RestartSec = 5;
        };
      };
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
