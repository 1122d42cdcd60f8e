{
  description = "Not nixpkgs: the few functions of it that our flake calls, so that the flake can be evaluated without a tree";
  outputs =
    { self }:
    let
      lib = import ./lib.nix;
    in
    {
      inherit lib;
      legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ] (
        system: import ./pkgs.nix { inherit lib system; }
      );
    };
}
