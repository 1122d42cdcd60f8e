# Published static models, each file by its hash: fetched only when one is asked for. Nothing else in the flake needs them.
# Use: fdnix embed --model model2vec:$(nix build --no-link --print-out-paths .#models.potion-base-8M)
{
  lib,
  fetchurl,
  linkFarm,
}:
let
  model =
    name: revision: files:
    (linkFarm name (
      lib.mapAttrs (
        file: hash:
        fetchurl {
          name = "${name}-${file}";
          url = "https://huggingface.co/minishlab/${name}/resolve/${revision}/${file}";
          inherit hash;
        }
      ) files
    )).overrideAttrs
      {
        meta = {
          description = "Static embedding model ${name}, revision ${revision}";
          homepage = "https://huggingface.co/minishlab/${name}";
          license = lib.licenses.mit; # stated in the model card; upstream has no LICENSE file
        };
      };

  models = {
    potion-base-8M = model "potion-base-8M" "bf8b056651a2c21b8d2565580b8569da283cab23" {
      "model.safetensors" = "sha256-9l0PMl+q3B4SHDGeL6pBFw0/oH2MiavUjKU1jZoiPeI=";
      "tokenizer.json" = "sha256-5n6AP2JPtNZ96hxzDQbhBn4bFNgw4sIgJWnj7w9wu1A=";
      "config.json" = "sha256-KmrA6aqjVqaKVogHDbePw6Rk/v6F0vBqGQXONxhodVM=";
    };
    potion-retrieval-32M = model "potion-retrieval-32M" "6fc8051fab2a1e0ee76689cf08c853792ac285e7" {
      "model.safetensors" = "sha256-B2CeW9M6rTeQCz/WL07Jb22uyIyk1Gudi5KL+rq/bqA=";
      "tokenizer.json" = "sha256-fXXLxUMYE4gHxAGw8MlyERfGKLOd6Ojg7bbLF+DufRg=";
      "config.json" = "sha256-Y8ANkIJMgywE7B0CtqmD+5BIm/BJ8p+/8VukgbikMu4=";
    };
  };
in
(linkFarm "fdnix-models" models).overrideAttrs (old: {
  passthru = (old.passthru or { }) // models;
})
