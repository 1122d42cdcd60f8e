{
  description = "A NixOS machine that indexes nixpkgs every night and serves the search";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    fdnix.url = "github:fdnix/fdnix";
  };

  outputs =
    { nixpkgs, fdnix, ... }:
    {
      nixosConfigurations.search = nixpkgs.lib.nixosSystem {
        modules = [
          fdnix.nixosModules.default
          {
            services.fdnix = {
              enable = true;
              channel = "nixos-unstable"; # or nixpkgs = "github:NixOS/nixpkgs/REV", or neither: the revision that fdnix pins
              serve = {
                enable = true;
                openFirewall = true;
                host = "0.0.0.0";
              };
            };

            # Replace these by those of your machine.
            nixpkgs.hostPlatform = "x86_64-linux";
            boot.loader.grub.device = "/dev/sda";
            fileSystems."/" = {
              device = "/dev/sda1";
              fsType = "ext4";
            };
            system.stateVersion = "26.05";
          }
        ];
      };
    };
}
