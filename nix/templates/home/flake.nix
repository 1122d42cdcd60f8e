{
  description = "Home Manager: a user's own index of nixpkgs, made anew every day";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    home-manager = {
      url = "github:nix-community/home-manager";
      inputs.nixpkgs.follows = "nixpkgs";
    };
    fdnix.url = "github:fdnix/fdnix";
  };

  outputs =
    {
      nixpkgs,
      home-manager,
      fdnix,
      ...
    }:
    {
      homeConfigurations.me = home-manager.lib.homeManagerConfiguration {
        pkgs = nixpkgs.legacyPackages.x86_64-linux;
        modules = [
          fdnix.homeModules.default
          {
            home.username = "me";
            home.homeDirectory = "/home/me";
            home.stateVersion = "26.05";
            services.fdnix = {
              enable = true;
              channel = "nixos-unstable";
            };
          }
        ];
      };
    };
}
