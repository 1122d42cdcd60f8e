{
  description = "Turns one pinned nixpkgs revision into an index that is searched by meaning and by name";

  inputs = {
    # Builds the tools.
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    # This nixpkgs is indexed. For another revision: --override-input nixpkgs-indexed github:NixOS/nixpkgs/REV
    nixpkgs-indexed = {
      url = "github:NixOS/nixpkgs/nixos-unstable";
      flake = false;
    };
    # Texts that say what software is used for, in words that its descriptions lack; see nix/usage.nix.
    tldr.url = "github:tldr-pages/tldr";
    tldr.flake = false;
    awesome-selfhosted.url = "github:awesome-selfhosted/awesome-selfhosted-data";
    awesome-selfhosted.flake = false;
    awesome-cli-apps.url = "github:agarrharr/awesome-cli-apps";
    awesome-cli-apps.flake = false;
    # Modules whose options the index has beside those of NixOS.
    home-manager.url = "github:nix-community/home-manager";
    home-manager.flake = false;
    nix-darwin.url = "github:nix-darwin/nix-darwin";
    nix-darwin.flake = false;
  };

  outputs =
    {
      self,
      nixpkgs,
      nixpkgs-indexed,
      ...
    }@inputs:
    let
      inherit (nixpkgs) lib legacyPackages;
      promised = [
        "x86_64-linux"
        "aarch64-linux"
        "aarch64-darwin"
      ];
      # nixpkgs drops this platform with 26.11. It is empty if the nixpkgs of the tools has dropped it.
      leaving = lib.filter (system: legacyPackages ? ${system}) [ "x86_64-darwin" ];
      works =
        system:
        lib.elem system promised
        || (builtins.tryEval legacyPackages.${system}.stdenv.hostPlatform.system).success;
      eachSystem =
        outputs:
        lib.genAttrs (promised ++ leaving) (system: if works system then outputs system else { });

      # Everything that fdnix makes with one package set; nix/default.nix has the list.
      fdnixWith =
        pkgs:
        import ./nix {
          inherit pkgs;
          indexed = nixpkgs-indexed;
          usageInputs = { inherit (inputs) tldr awesome-selfhosted awesome-cli-apps; };
          optionInputs = { inherit (inputs) home-manager nix-darwin; };
          revision = self.rev or self.dirtyRev or "unknown";
        };
      fdnix = eachSystem (system: fdnixWith legacyPackages.${system});
      # With a key of its own, two other modules may import this one.
      module = file: {
        key = toString file;
        imports = [ (lib.modules.importApply file self) ];
      };
    in
    {
      packages = eachSystem (system: fdnix.${system}.packages);
      apps = eachSystem (system: fdnix.${system}.apps);
      devShells = eachSystem (system: fdnix.${system}.devShells);
      formatter = lib.genAttrs promised (system: legacyPackages.${system}.nixfmt-tree);
      checks = eachSystem (system: import ./nix/checks.nix { inherit self nixpkgs system; });

      # pkgs.fdnix has the other programs, images, index and models in it, as pkgs.fdnix.NAME.
      overlays.default = final: _: { fdnix = (fdnixWith final).overlayed; };
      nixosModules.default = module ./nix/module.nix;
      homeModules.default = module ./nix/home.nix;

      templates = {
        default = {
          path = ./nix/templates/search;
          description = "Search the nixpkgs that your own flake pins";
        };
        nixos = {
          path = ./nix/templates/nixos;
          description = "A NixOS machine that indexes nixpkgs every night and serves the search";
        };
        home = {
          path = ./nix/templates/home;
          description = "Home Manager: a user's own index, made anew every day";
        };
      };
    };
}
