# `nix flake check` builds everything. Where it needs a nixpkgs to index, it takes the small one of the tests.
{
  self,
  nixpkgs,
  system,
}:
let
  pkgs = nixpkgs.legacyPackages.${system};
  inherit (pkgs) lib runCommand;
  node = lib.getExe' pkgs.nodejs-slim_24 "node";
  # The product over the fixture instead of 114,000 packages.
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
        { imports = [ self.nixosModules.default ]; } # as a second module of the same machine may
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
    # Characters that a unit file must not interpret.
    nixpkgs = "path:/nix/store/x-source?narHash=sha256-a%2Fb%3D";
    index = fixture.packages.index;
    environment.AWS_REGION = "eu-central-1";
    serve = {
      enable = true;
      port = 8181;
      openFirewall = true;
    };
  };
  # Only the emulators of AWS.
  emulating = nixos {
    enable = false;
    localAws.enable = true;
    localAws.port = 4600;
  };
  emulators = emulating.systemd.services.fdnix-local-aws.serviceConfig;
  unitsOf =
    machine: more:
    pkgs.linkFarm "fdnix-units" (
      lib.genAttrs (
        [
          "fdnix.service"
          "fdnix.timer"
          "fdnix-first.service"
          "fdnix-search.service"
        ]
        ++ more
      ) (name: pkgs.writeText name (builtins.unsafeDiscardStringContext machine.systemd.units.${name}.text))
      // {
        first = pkgs.writeText "first" (
          builtins.unsafeDiscardStringContext machine.systemd.services.fdnix-first.script
        );
      }
    );
  units = unitsOf machine [ ];
  # What test/nix/systemd.sh starts: an index and a socket are given, or neither, but the emulators of AWS.
  bootable =
    settings:
    nixos (
      {
        inherit (fixture.packages) index;
        package = fdnix;
        nixpkgs = "${../test/fixtures/nixpkgs}";
        extraFlags = [ "--allow-shrink" ];
        serve.enable = true;
      }
      // settings
    );
  # The messages of the assertions that a configuration violates.
  complaints =
    settings:
    lib.filter (lib.hasPrefix "services.fdnix") (
      map (a: a.message) (lib.filter (a: !a.assertion) (nixos settings).assertions)
    );

  # Home Manager's options, as far as the module uses them.
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
            "xdg"
          ] (_: lib.mkOption { type = lib.types.anything; });
          config.xdg.dataHome = "/home/me/.local/share";
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

  # Tests that need a network or accounts skip themselves and say so. Nix makes a store in HOME.
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
    compare = ../.github/release/compare.jq;
    FDNIX_INDEX = fixture.packages.index;
  } (builtins.readFile ./smoke.sh);

  home =
    let
      config = home {
        time = "04:05";
        commandNotFound = true;
        nixpkgs = "path:/x?narHash=a%2Fb";
        environment.GREETING = ''two words and a "quote"'';
        index = fixture.packages.index;
        serve.enable = true;
      };
      service = config.systemd.user.services.fdnix.Service;
    in
    assert lib.hasInfix "not-found-bash" config.programs.bash.initExtra;
    assert lib.hasInfix "/index.sqlite" config.home.activation.fdnix.data;
    assert
      !pkgs.stdenv.hostPlatform.isLinux
      ||
        lib.hasInfix ''"--nixpkgs=path:/x?narHash=a%%2Fb"'' service.ExecStart
        && lib.elem ''"GREETING=two words and a \"quote\""'' service.Environment
        && lib.any (lib.hasInfix (builtins.unsafeDiscardStringContext "${pkgs.nix}/bin")) service.Environment;
    assert
      pkgs.stdenv.hostPlatform.isLinux
      || config.launchd.agents.fdnix-search.config.ProgramArguments != [ ];
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
    # The store paths of the image do not matter here.
    ! grep -q ${builtins.storeDir} ${self.packages.${system}.k8s}
    jq -e '[.. | .containers? // empty | .[] | has("command")] == [false, false, false]' ${self.packages.${system}.k8s}
    jq -e '[.. | .image? // empty] | all(test("@sha256:"))' ${
      fixture.packages.k8s.override {
        digests = lib.genAttrs [ "fdnix-metadata-generator" "fdnix-search" ] (
          _: "sha256:${lib.concatStrings (lib.genList (_: "0") 64)}"
        );
      }
    }
    touch $out
  '';
}
// lib.optionalAttrs pkgs.stdenv.hostPlatform.isLinux {
  inherit (fixture.packages) images;

  # Biome's binary needs a dynamic loader in a place that the sandbox lacks. Node's loader works as well.
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
    assert lib.elem "--options" (nixos { }).services.fdnix.arguments.run;
    assert !(lib.elem "--options" machine.services.fdnix.arguments.run);
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
    assert (nixos { serve.enable = true; }).networking.firewall.allowedTCPPorts == [ ];
    assert machine.environment.variables.FDNIX_INDEX == "/var/lib/fdnix/index.sqlite";
    assert !(machine.systemd.services ? fdnix-local-aws) && !(emulating.systemd.services ? fdnix);
    assert lib.hasInfix ''"--port" "4600"'' emulators.ExecStart;
    assert emulating.networking.firewall.allowedTCPPorts == [ ];
    # An index that cannot be fetched is not built silently: a first job makes it.
    assert (nixos { index = null; }).systemd.services.fdnix-first.onSuccess == [ "fdnix.service" ];
    runCommand "fdnix-check-module"
      {
        nativeBuildInputs = [ pkgs.systemd ];
        # The commands that the units start.
        inherit (machine.services.fdnix) package;
        first = machine.systemd.services.fdnix-first.serviceConfig.ExecStart;
        emulators = emulators.ExecStart;
        emulatorsUnit = builtins.unsafeDiscardStringContext emulating.systemd.units."fdnix-local-aws.service".text;
        passthru = {
          inherit units;
          given = unitsOf (bootable {
            serve.enable = true;
            serve.socket = "/run/fdnix.sock";
          }) [ "fdnix-search.socket" ];
          bare = unitsOf (bootable {
            index = null;
            localAws.enable = true;
          }) [ "fdnix-local-aws.service" ];
        };
      }
      ''
        cp -rL ${units} units && cd units && rm first
        systemd-analyze verify --man=no ./fdnix.service ./fdnix-search.service ./fdnix-first.service ./fdnix.timer
        grep -F -- '"--nixpkgs=path:/nix/store/x-source?narHash=sha256-a%%2Fb%%3D"' fdnix.service
        grep -E '^MemoryMax=5G$' fdnix.service && grep -E '^RandomizedDelaySec=30min$' fdnix.timer
        ! grep -r -E 'DynamicUser|PathExists' .
        printf '%s' "$emulatorsUnit" > fdnix-local-aws.service
        systemd-analyze verify --man=no ./fdnix-local-aws.service
        grep -E '^DynamicUser=(true|yes)$' fdnix-local-aws.service && grep -E '^IPAddressDeny=any$' fdnix-local-aws.service
        systemd-analyze security --offline=true --threshold=25 ./fdnix.service
        systemd-analyze security --offline=true --threshold=25 ./fdnix-search.service
        systemd-analyze security --offline=true --threshold=25 ./fdnix-local-aws.service
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
        index = fixture.packages.index;
        serve.enable = true;
        serve.socket = "/run/fdnix.sock";
      };
      users.users.alice.isNormalUser = true;
    };
    nodes.bare = {
      imports = [ self.nixosModules.default ];
      services.fdnix = {
        enable = true;
        package = fdnix;
        nixpkgs = "${../test/fixtures/nixpkgs}";
        extraFlags = [ "--allow-shrink" ];
        index = null;
        serve.enable = true;
        localAws.enable = true;
      };
    };
    testScript = ''
      start_all()
      with subtest("search works at once, for any user, before the first night"):
          machine.wait_for_unit("multi-user.target")
          machine.succeed("su - alice -c 'fdnix search hello' | grep -q '^hello'")
          machine.succeed("test -L /var/lib/fdnix/index.sqlite")

      with subtest("a socket answers from its first connection on"):
          machine.wait_for_unit("fdnix-search.socket")
          machine.succeed("curl --fail --unix-socket /run/fdnix.sock 'http://x/api/v1/search?q=hello' | grep -q '\"hello\"'")

      with subtest("the nightly job replaces the index that was given"):
          machine.succeed("systemctl list-timers --all | grep fdnix.timer")
          machine.succeed("systemctl start fdnix.service")
          machine.succeed("test -f /var/lib/fdnix/index.sqlite && ! test -L /var/lib/fdnix/index.sqlite")
          machine.succeed("su - alice -c 'fdnix search hello' | grep -q '^hello'")
          machine.succeed("systemctl restart fdnix-first.service && ! test -L /var/lib/fdnix/index.sqlite")

      with subtest("without an index a first job makes one, and the service waits for it"):
          bare.wait_for_open_port(8080)
          bare.succeed("curl --fail 'http://127.0.0.1:8080/api/v1/search?q=hello' | grep -q '\"hello\"'")

      with subtest("local AWS answers on the loopback interface only, as a user of its own, until it is stopped"):
          bare.wait_for_open_port(4566)
          bare.succeed("USE_LOCALSTACK=true fdnix init")
          machine.fail("curl --max-time 5 http://bare:4566")
          bare.succeed("systemctl show --property=DynamicUser --value fdnix-local-aws.service | grep yes")
          bare.succeed("systemctl stop fdnix-local-aws.service")
          bare.succeed("systemctl show --property=Result --value fdnix-local-aws.service | grep success")
          bare.fail("curl http://127.0.0.1:4566")

      with subtest("what is stopped stays stopped"):
          bare.succeed("systemctl stop fdnix-search.service")
          bare.succeed("sleep 15")
          bare.fail("systemctl is-active fdnix-search.service")
    '';
  };
}
