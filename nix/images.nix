# OCI images, with the same bytes on every machine. Store paths become layers, so nixpkgs, Node and our program each
# have their own. The entry point is fdnix; a task definition or a Lambda may replace the command (extract, embed,
# serve). No shell stands between the kernel and Node, so SIGTERM arrives. `IMAGE.stream` writes the tar to stdout.
{
  lib,
  dockerTools,
  runCommand,
  nodejs-slim_24,
  nix,
  cacert,
  programs,
  index,
  indexed,
  revision,
}:
let
  package = lib.importJSON ../package.json;
  user = "65532";

  # Names for the numeric user, for programs that insist on one.
  users = runCommand "users" { } ''
    mkdir -p $out/etc
    echo 'fdnix:x:${user}:${user}:fdnix:/tmp:/sbin/nologin' > $out/etc/passwd
    echo 'fdnix:x:${user}:' > $out/etc/group
  '';

  image =
    {
      name,
      description,
      command,
      env ? { },
      contents ? [ ],
      labels ? { },
      ports ? [ ],
    }:
    dockerTools.buildLayeredImage {
      name = "fdnix-${name}";
      tag = programs.version;
      compressor = "gz";
      contents = [ users ] ++ contents;
      # The only place that is written to. Everything else may be mounted read-only.
      extraCommands = "mkdir -m 1777 tmp";
      config = {
        User = "${user}:${user}";
        WorkingDir = "/tmp";
        Volumes."/tmp" = { };
        Entrypoint = [
          (lib.getExe' nodejs-slim_24 "node")
          "${programs}/lib/fdnix/fdnix.js"
        ];
        Cmd = command;
        StopSignal = "SIGTERM";
        Env = lib.mapAttrsToList (key: value: "${key}=${value}") (
          {
            HOME = "/tmp";
            FDNIX_HOME = "/tmp/fdnix";
            FDNIX_DEPLOYED = "true"; # what is written into a container is lost with it
          }
          // env
        );
        Labels = {
          "org.opencontainers.image.title" = "fdnix-${name}";
          "org.opencontainers.image.description" = description;
          "org.opencontainers.image.licenses" = package.license;
          "org.opencontainers.image.version" = package.version;
          "org.opencontainers.image.revision" = revision;
          "org.opencontainers.image.source" = package.homepage;
        }
        // labels;
      }
      // lib.optionalAttrs (ports != [ ]) {
        ExposedPorts = lib.genAttrs (map (port: "${toString port}/tcp") ports) (_: { });
      };
      meta = { inherit description; };
    };
  nixpkgsRevision = indexed.rev or indexed.narHash or "unknown";
in
rec {
  # Evaluates the nixpkgs inside the image. Only the store that it writes to needs a network.
  metadata-generator-image = image {
    name = "metadata-generator";
    description = "Extracts the metadata of every nixpkgs package";
    command = [ "extract" ];
    env = {
      PATH = lib.makeBinPath [ nix ];
      FDNIX_NIXPKGS = "${indexed}";
      SSL_CERT_FILE = "${cacert}/etc/ssl/certs/ca-bundle.crt"; # Nix's, where --nixpkgs names another revision
    }
    // lib.optionalAttrs (indexed ? rev) { FDNIX_NIXPKGS_REV = indexed.rev; };
    labels."fdnix.nixpkgs.revision" = nixpkgsRevision;
  };

  embedding-generator-image = image {
    name = "embedding-generator";
    description = "Embeds the packages that have no vector yet";
    command = [ "embed" ];
  };

  # This is also a Lambda container: with AWS_LAMBDA_RUNTIME_API set, `serve` answers the runtime's events instead of a
  # port.
  search-image = image {
    name = "search";
    description = "Search API and web page with the index of nixpkgs inside";
    command = [
      "serve"
      "--host"
      "0.0.0.0"
      "--port"
      "8080"
    ];
    env.FDNIX_INDEX = "${index}";
    ports = [ 8080 ];
    labels."fdnix.nixpkgs.revision" = nixpkgsRevision;
  };
}
