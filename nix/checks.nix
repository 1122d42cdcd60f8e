# `nix flake check`: everything is built, over the small nixpkgs of the tests where it needs one to index.
{
  self,
  nixpkgs,
  system,
}:
let
  pkgs = nixpkgs.legacyPackages.${system};
  inherit (pkgs) lib runCommand;
  node = lib.getExe' pkgs.nodejs-slim_24 "node";
  # The product over the fixture, in place of 114,000 packages.
  fixture = import ./. {
    inherit pkgs;
    indexed = {
      outPath = builtins.path {
        name = "source";
        path = ../test/fixtures/nixpkgs;
      };
      rev = "0123456789abcdef0123456789abcdef01234567";
      lastModified = 1784497964;
    };
    revision = "0000000000000000000000000000000000000000";
  };
  inherit (fixture) tree;
  inherit (fixture.packages) fdnix search;

  # A copy of the tree to work in.
  inTree =
    name: nativeBuildInputs: script:
    runCommand "fdnix-check-${name}" { inherit nativeBuildInputs; } ''
      cp -r ${tree} work && chmod -R u+w work && cd work
      export HOME=$TMPDIR/home && mkdir -p $HOME
      ${script}
      touch $out
    '';

  nixos = nixosOn system;
  nixosOn =
    platform: settings:
    (nixpkgs.lib.nixosSystem {
      modules = [
        self.nixosModules.default
        {
          nixpkgs.hostPlatform = platform;
          system.stateVersion = "25.05";
          boot.loader.grub.enable = false;
          fileSystems."/" = {
            device = "/dev/sda1";
            fsType = "ext4";
          };
          services.fdnix = {
            enable = true;
          }
          // settings;
        }
      ];
    }).config;
  machine = nixos {
    time = "03:30";
    channel = "nixos-unstable";
    environment.AWS_REGION = "eu-central-1";
    serve = {
      enable = true;
      port = 8181;
      openFirewall = true;
    };
  };
  units = pkgs.linkFarm "fdnix-units" (
    lib.genAttrs [
      "fdnix.service"
      "fdnix.timer"
      "fdnix-search.service"
      "fdnix-search.path"
    ] (name: pkgs.writeText name (builtins.unsafeDiscardStringContext machine.systemd.units.${name}.text))
  );
  # The messages of the assertions that a configuration of ours breaks.
  complaints =
    settings:
    lib.filter (lib.hasPrefix "services.fdnix") (
      map (a: a.message) (lib.filter (a: !a.assertion) (nixos settings).assertions)
    );

  # Home Manager's options, as far as the module sets them.
  home =
    settings:
    (lib.evalModules {
      specialArgs = { inherit pkgs; };
      modules = [
        self.homeModules.default
        {
          options = lib.genAttrs [
            "assertions"
            "home"
            "systemd"
            "launchd"
            "programs"
          ] (_: lib.mkOption { type = lib.types.anything; });
          config.services.fdnix = {
            enable = true;
          }
          // settings;
        }
      ];
    }).config;
in
{
  inherit (fixture.packages)
    fdnix
    extract
    embed
    index
    ;

  # Tests that need a network or accounts skip, and say so. Nix makes a store in HOME.
  tests =
    inTree "tests"
      [
        pkgs.git
        pkgs.nix
        pkgs.nodejs_24
      ]
      "node test/run.ts";

  types = inTree "types" [ pkgs.nodejs_24 ] "node node_modules/typescript/bin/tsc --noEmit";

  smoke = runCommand "fdnix-check-smoke" {
    nativeBuildInputs = [
      fixture.packages.extract
      fixture.packages.embed
      search
      fdnix
      pkgs.jq
    ];
    inherit (fdnix) version;
    inherit fdnix;
    compare = ../.github/compare.jq;
    FDNIX_INDEX = fixture.packages.index;
  } (builtins.readFile ./smoke.sh);

  home =
    let
      config = home {
        time = "04:05";
        commandNotFound = true;
      };
    in
    assert lib.hasInfix "not-found-bash" config.programs.bash.initExtra;
    assert
      if pkgs.stdenv.hostPlatform.isLinux then
        config.systemd.user.timers.fdnix.Timer.OnCalendar == "*-*-* 04:05:00 UTC"
      else
        config.launchd.agents.fdnix.config.StartCalendarInterval == [
          {
            Hour = 4;
            Minute = 5;
          }
        ];
    pkgs.writeText "fdnix-check-home" (toString config.home.packages);

  k8s = runCommand "fdnix-check-k8s" { nativeBuildInputs = [ pkgs.jq ]; } ''
    jq -e '[.items[].kind] == ["PersistentVolumeClaim", "Job", "CronJob", "Deployment", "Service"]' ${self.packages.${system}.k8s}
    jq -e '.items[2].spec.schedule == "0 2 * * *"' ${self.packages.${system}.k8s}
    touch $out
  '';
}
// lib.optionalAttrs pkgs.stdenv.hostPlatform.isLinux {
  inherit (fixture.packages) images;

  # Biome's binary wants a dynamic loader in a place that the sandbox does not have: Node's does as well.
  format = inTree "format" [ pkgs.patchelf ] ''
    elf=$(readlink -f ${node})
    biome=$(echo node_modules/@biomejs/cli-linux-*/biome)
    "$(patchelf --print-interpreter "$elf")" --library-path "$(patchelf --print-rpath "$elf")" "$biome" check .
  '';

  module =
    assert
      complaints {
        nixpkgs = "github:NixOS/nixpkgs";
        channel = "nixos-unstable";
      } == [ "services.fdnix: nixpkgs and channel exclude each other; set one of them." ];
    assert complaints { } == [ ];
    assert
      (nixos {
        serve = {
          enable = true;
          socket = "/run/fdnix.sock";
        };
      }).systemd.sockets.fdnix-search.socketConfig.ListenStream == "/run/fdnix.sock";
    assert !(builtins.tryEval (nixosOn "riscv64-linux" { }).services.fdnix.package).success;
    assert lib.hasInfix "not-found-zsh" (nixos { commandNotFound = true; }).programs.zsh.interactiveShellInit;
    assert machine.networking.firewall.allowedTCPPorts == [ 8181 ];
    runCommand "fdnix-check-module"
      {
        nativeBuildInputs = [ pkgs.systemd ];
        inherit (machine.services.fdnix) package; # which the units start
        passthru = { inherit units; };
      }
      ''
        cp -rL ${units} units && cd units
        systemd-analyze verify --man=no ./fdnix.service ./fdnix-search.service ./fdnix.timer
        systemd-analyze security --offline=true --threshold=25 ./fdnix.service
        systemd-analyze security --offline=true --threshold=25 ./fdnix-search.service
        touch $out
      '';

  vm = pkgs.testers.runNixOSTest {
    name = "fdnix";
    nodes.machine = {
      imports = [ self.nixosModules.default ];
      services.fdnix = {
        enable = true;
        package = fdnix;
        nixpkgs = "${../test/fixtures/nixpkgs}";
        extraFlags = [ "--allow-shrink" ];
        serve.enable = true;
      };
    };
    testScript = ''
      machine.wait_for_unit("timers.target")
      machine.succeed("systemctl list-timers --all | grep fdnix.timer")
      machine.succeed("systemctl start fdnix.service")
      machine.wait_for_unit("fdnix-search.service")
      machine.wait_for_open_port(8080)
      machine.succeed("curl --fail 'http://127.0.0.1:8080/api/v1/search?q=hello' | grep -q '\"hello\"'")
      machine.succeed("systemctl stop fdnix-search.service")
    '';
  };
}
