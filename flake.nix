{
  description = "Turns one pinned nixpkgs revision into an index that is searched by meaning and by name";

  inputs = {
    # Builds the tools.
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    # Is what gets indexed. Another revision: --override-input nixpkgs-indexed github:NixOS/nixpkgs/REV
    nixpkgs-indexed = {
      url = "github:NixOS/nixpkgs/nixos-unstable";
      flake = false;
    };
  };

  outputs =
    {
      self,
      nixpkgs,
      nixpkgs-indexed,
    }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      eachSystem = nixpkgs.lib.genAttrs systems;

      # Everything that fdnix makes with one package set; nix/default.nix has the list.
      fdnixWith =
        pkgs:
        import ./nix {
          inherit pkgs;
          indexed = nixpkgs-indexed;
          revision = self.rev or self.dirtyRev or "unknown";
        };
      fdnix = eachSystem (system: fdnixWith nixpkgs.legacyPackages.${system});
    in
    {
      packages = eachSystem (system: fdnix.${system}.packages);
      apps = eachSystem (system: fdnix.${system}.apps);
      devShells = eachSystem (system: fdnix.${system}.devShells);
      formatter = eachSystem (system: nixpkgs.legacyPackages.${system}.nixfmt-tree);
      checks = eachSystem (system: import ./nix/checks.nix { inherit self nixpkgs system; });

      # pkgs.fdnix, with the other programs, images, index and models beside it as pkgs.fdnix.NAME.
      overlays.default = final: _: { fdnix = (fdnixWith final).overlayed; };
      nixosModules.default = import ./nix/module.nix self;
      homeModules.default = import ./nix/home.nix self;

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
