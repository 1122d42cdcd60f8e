# Published models, each file by its hash. A model is fetched only on request, and nothing else in the flake needs it.
#   fdnix embed --model model2vec:$(nix build --no-link --print-out-paths .#models.potion-base-8M)
#   fdnix embed --model onnx:$(nix build --no-link --print-out-paths .#models.bge-small-en-v1.5)
# `provider` is the part of --model before the path.
{
  lib,
  fetchurl,
  linkFarm,
}:
let
  model =
    {
      provider,
      owner,
      name,
      revision,
      license,
      files,
    }:
    (linkFarm name (
      lib.mapAttrs (
        file: hash:
        fetchurl {
          name = "${name}-${baseNameOf file}";
          url = "https://huggingface.co/${owner}/${name}/resolve/${revision}/${file}";
          inherit hash;
        }
      ) files
    )).overrideAttrs
      (old: {
        passthru = (old.passthru or { }) // {
          inherit provider;
        };
        meta = {
          description = "Embedding model ${name}, revision ${revision}";
          homepage = "https://huggingface.co/${owner}/${name}";
          inherit license;
        };
      });
  hex =
    digest:
    builtins.convertHash {
      hash = digest;
      hashAlgo = "sha256";
      toHashFormat = "sri";
    };

  potion =
    name: revision: files:
    model {
      provider = "model2vec";
      owner = "minishlab";
      license = lib.licenses.mit; # stated in the model card; upstream has no LICENSE file
      inherit name revision files;
    };
  encoder =
    owner: name: revision: license: files:
    model {
      provider = "onnx";
      files = lib.mapAttrs (_: hex) files;
      inherit
        owner
        name
        revision
        license
        ;
    };

  models = {
    potion-base-8M = potion "potion-base-8M" "bf8b056651a2c21b8d2565580b8569da283cab23" {
      "model.safetensors" = "sha256-9l0PMl+q3B4SHDGeL6pBFw0/oH2MiavUjKU1jZoiPeI=";
      "tokenizer.json" = "sha256-5n6AP2JPtNZ96hxzDQbhBn4bFNgw4sIgJWnj7w9wu1A=";
      "config.json" = "sha256-KmrA6aqjVqaKVogHDbePw6Rk/v6F0vBqGQXONxhodVM=";
    };
    potion-retrieval-32M = potion "potion-retrieval-32M" "6fc8051fab2a1e0ee76689cf08c853792ac285e7" {
      "model.safetensors" = "sha256-B2CeW9M6rTeQCz/WL07Jb22uyIyk1Gudi5KL+rq/bqA=";
      "tokenizer.json" = "sha256-fXXLxUMYE4gHxAGw8MlyERfGKLOd6Ojg7bbLF+DufRg=";
      "config.json" = "sha256-Y8ANkIJMgywE7B0CtqmD+5BIm/BJ8p+/8VukgbikMu4=";
    };
    "bge-small-en-v1.5" =
      encoder "Xenova" "bge-small-en-v1.5" "ea104dacec62c0de699686887e3f920caeb4f3e3" lib.licenses.mit
        {
          "onnx/model_quantized.onnx" = "6c9c6101a956d62dfb5e7190c538226c0c5bb9cb27b651234b6df063ee7dbfe4";
          "tokenizer.json" = "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66";
          "config.json" = "fa73f90bf92c8cace1fbcb709626306f2bdbc9ea3e5b5f94b440df9b6aa56350";
          "tokenizer_config.json" = "9261e7d79b44c8195c1cada2b453e55b00aeb81e907a6664974b4d7776172ab3";
        };
    all-MiniLM-L6-v2 =
      encoder "Xenova" "all-MiniLM-L6-v2" "751bff37182d3f1213fa05d7196b954e230abad9" lib.licenses.asl20
        {
          "onnx/model_quantized.onnx" = "afdb6f1a0e45b715d0bb9b11772f032c399babd23bfc31fed1c170afc848bdb1";
          "tokenizer.json" = "da0e79933b9ed51798a3ae27893d3c5fa4a201126cef75586296df9b4d2c62a0";
          "config.json" = "7135149f7cffa1a573466c6e4d8423ed73b62fd2332c575bf738a0d033f70df7";
        };
    snowflake-arctic-embed-xs =
      encoder "Snowflake" "snowflake-arctic-embed-xs" "d8c86521100d3556476a063fc2342036d45c106f"
        lib.licenses.asl20
        {
          "onnx/model_int8.onnx" = "e6aa5e656466a73d7c3111e9a3378bd13e5b93af30eaac2b3f13fd56692589a1";
          "tokenizer.json" = "91f1def9b9391fdabe028cd3f3fcc4efd34e5d1f08c3bf2de513ebb5911a1854";
        };
  };
in
(linkFarm "fdnix-models" models).overrideAttrs (old: {
  passthru = (old.passthru or { }) // models;
})
