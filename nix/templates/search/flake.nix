{
  description = "Search the nixpkgs that this flake pins: nix run .#search -- 'edit videos'";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    fdnix.url = "github:fdnix/fdnix";
    # The nixpkgs that you pin is indexed.
    fdnix.inputs.nixpkgs-indexed.follows = "nixpkgs";
  };

  outputs =
    { nixpkgs, fdnix, ... }:
    {
      apps = nixpkgs.lib.genAttrs [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ] (
        system: {
          search = fdnix.apps.${system}.search;
        }
      );
    };
}
