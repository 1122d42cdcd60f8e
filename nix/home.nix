# services.fdnix for Home Manager: an index for one user, made anew every day (systemd on Linux, launchd on macOS).
self:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.fdnix;
  inherit (pkgs.stdenv.hostPlatform) system isLinux isDarwin;
  hour = lib.toIntBase10 (builtins.substring 0 2 cfg.time);
  minute = lib.toIntBase10 (builtins.substring 3 2 cfg.time);
  hook = shell: pkgs.runCommand "fdnix-not-found-${shell}" { } "${lib.getExe cfg.package} which --hook ${shell} > $out";
  command = name: [ (lib.getExe cfg.package) ] ++ cfg.arguments.${name};
  # Quotes for systemd: those of JSON, with percent signs and, in commands, dollars doubled.
  quote = lib.replaceStrings [ "%" ] [ "%%" ];
  exec =
    name:
    lib.concatMapStringsSep " " (
      word: lib.replaceStrings [ "$" ] [ "$$" ] (quote (builtins.toJSON word))
    ) (command name);
  index = cfg.environment.FDNIX_INDEX or "${config.xdg.dataHome}/fdnix/index.sqlite";
  environment = {
    PATH =
      lib.makeBinPath [ nixPackage ]
      + ":/run/current-system/sw/bin:/nix/var/nix/profiles/default/bin:/usr/bin:/bin";
  }
  // cfg.environment;
  settings = lib.mapAttrsToList (key: value: quote (builtins.toJSON "${key}=${value}")) environment;
  # Home Manager's own setting, if there is one: the evaluator should be the one that talks to this machine's daemon.
  nixPackage = if config.nix.package or null == null then pkgs.nix else config.nix.package;
  published = self.packages.${system}.index or { };
in
{
  imports = [ ./options.nix ];

  options.services.fdnix.index = lib.mkOption {
    type = lib.types.nullOr lib.types.path;
    default = if published.passthru.published or false then published else null;
    defaultText = lib.literalMD "the published index of the revision that fdnix pins, if there is one";
    description = "The index that is searched until the first daily job has made one.";
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
      home.packages = [ cfg.package ];
    })
    (lib.mkIf cfg.commandNotFound {
      home.packages = [ cfg.package ];
      programs.command-not-found.enable = lib.mkDefault false;
      programs.bash.initExtra = "source ${hook "bash"}";
      programs.zsh.initContent = "source ${hook "zsh"}";
      programs.fish.interactiveShellInit = "source ${hook "fish"}";
    })
    # Search works at once: with the given index, until a daily job has made another in its place.
    (lib.mkIf (cfg.enable && cfg.index != null) {
      home.activation.fdnix = {
        after = [ "writeBoundary" ];
        before = [ ];
        data = ''
          if [ ! -e ${lib.escapeShellArg index} ] || [ -L ${lib.escapeShellArg index} ]; then
            run mkdir -p ${lib.escapeShellArg (dirOf index)}
            run ln -sfn ${cfg.index} ${lib.escapeShellArg index}
          fi
        '';
      };
    })
    (lib.mkIf (cfg.enable && isLinux) {
      systemd.user.services.fdnix = {
        Unit.Description = "fdnix: extract, embed and index nixpkgs";
        Service = {
          Type = "oneshot";
          ExecStart = exec "run";
          Environment = settings;
          MemoryMax = "5G";
          SuccessExitStatus = 3;
          Nice = 10;
        };
      };
      systemd.user.timers.fdnix = {
        Unit.Description = "Daily fdnix index";
        Timer = {
          OnCalendar = "*-*-* ${cfg.time}:00 UTC";
          RandomizedDelaySec = "30min";
          Persistent = true;
        };
        Install.WantedBy = [ "timers.target" ];
      };
    })
    (lib.mkIf (cfg.enable && cfg.serve.enable && isLinux) {
      systemd.user.services.fdnix-search = {
        Unit.Description = "fdnix: search API and web page"; # it waits for the first index by itself
        Service = {
          ExecStart = exec "serve";
          Environment = settings;
          MemoryMax = "1G";
          Restart = "on-failure";
          RestartSec = 30;
        };
        Install.WantedBy = [ "default.target" ];
      };
    })
    (lib.mkIf (cfg.enable && isDarwin) {
      launchd.agents.fdnix = {
        enable = true;
        config = {
          ProgramArguments = command "run";
          EnvironmentVariables = environment;
          # launchd knows only local time. The option says so.
          StartCalendarInterval = [
            {
              Hour = hour;
              Minute = minute;
            }
          ];
        };
      };
    })
    (lib.mkIf (cfg.enable && cfg.serve.enable && isDarwin) {
      launchd.agents.fdnix-search = {
        enable = true;
        config = {
          ProgramArguments = command "serve";
          EnvironmentVariables = environment;
          KeepAlive = true;
          RunAtLoad = true;
          ThrottleInterval = 30;
        };
      };
    })
  ];
}
