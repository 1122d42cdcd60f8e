# services.fdnix for Home Manager: a user's own index, made anew every day (systemd on Linux, launchd on macOS).
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
  environment = lib.mapAttrsToList (key: value: "${key}=${value}") cfg.environment;
in
{
  imports = [ ./options.nix ];

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
    (lib.mkIf (cfg.enable && isLinux) {
      systemd.user.services.fdnix = {
        Unit.Description = "fdnix: extract, embed and index nixpkgs";
        Service = {
          Type = "oneshot";
          ExecStart = lib.escapeShellArgs (command "run");
          Environment = environment;
          SuccessExitStatus = 3;
          Nice = 10;
        };
      };
      systemd.user.timers.fdnix = {
        Unit.Description = "Daily fdnix index";
        Timer = {
          OnCalendar = "*-*-* ${cfg.time}:00 UTC";
          Persistent = true;
        };
        Install.WantedBy = [ "timers.target" ];
      };
    })
    (lib.mkIf (cfg.enable && cfg.serve.enable && isLinux) {
      systemd.user.services.fdnix-search = {
        Unit.Description = "fdnix: search API and web page";
        Service = {
          ExecStart = lib.escapeShellArgs (command "serve");
          Environment = environment;
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
          EnvironmentVariables = cfg.environment;
          # launchd knows local time only.
          StartCalendarInterval = [
            {
              Hour = hour;
              Minute = minute;
            }
          ];
        };
      };
    })
  ];
}
