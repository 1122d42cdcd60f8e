# The same options as Kubernetes manifests: nightly CronJob, a first Job, Deployment and Service over one volume.
# kubectl apply -f $(nix build --no-link --print-out-paths .#k8s); other settings and registry by .override.
{
  lib,
  writeText,
  nodejs-slim_24,
  programs,
  registry ? "localhost:5000",
  tag ? programs.version,
  size ? "5Gi",
  settings ? { },
}:
let
  cfg =
    (lib.evalModules {
      modules = [
        ./options.nix
        {
          services.fdnix = {
            package = programs;
          }
          // settings;
        }
      ];
    }).config.services.fdnix;
  failed = map (a: a.message) (lib.filter (a: !a.assertion) cfg.assertions);

  labels = component: {
    "app.kubernetes.io/name" = "fdnix";
    "app.kubernetes.io/component" = component;
  };
  object = apiVersion: kind: name: spec: {
    inherit apiVersion kind spec;
    metadata = {
      inherit name;
      labels = labels name;
    };
  };
  pod =
    {
      name,
      image,
      command,
      resources,
      extra ? { },
      ...
    }@args:
    {
      metadata.labels = labels name;
      spec = {
        automountServiceAccountToken = false;
        securityContext = {
          runAsNonRoot = true;
          runAsUser = 65532;
          fsGroup = 65532;
          seccompProfile.type = "RuntimeDefault";
        };
        terminationGracePeriodSeconds = 30;
        containers = [
          (
            {
              inherit name resources;
              image = "${registry}/fdnix-${image}:${tag}";
              command = [
                (lib.getExe' nodejs-slim_24 "node")
                # Status 3 is done but for attributes of nixpkgs that never evaluate: no reason to try again.
                "--import=data:text/javascript,process.on('exit',status=>{if(status===3)process.exitCode=0})"
                "${programs}/lib/fdnix/fdnix.js"
              ];
              args = command;
              env = lib.mapAttrsToList lib.nameValuePair (
                {
                  FDNIX_HOME = "/data";
                }
                // cfg.environment
                // args.env or { }
              );
              securityContext = {
                allowPrivilegeEscalation = false;
                readOnlyRootFilesystem = true;
                capabilities.drop = [ "ALL" ];
              };
              volumeMounts = [
                {
                  name = "data";
                  mountPath = "/data";
                }
                {
                  name = "tmp";
                  mountPath = "/tmp";
                }
              ];
            }
            // extra
          )
        ];
        volumes = [
          {
            name = "data";
            persistentVolumeClaim.claimName = "fdnix";
          }
          {
            name = "tmp";
            emptyDir = { };
          }
        ];
      }
      // lib.optionalAttrs (image == "metadata-generator") { restartPolicy = "OnFailure"; };
    };
  job = {
    backoffLimit = 2;
    template = pod {
      name = "index";
      image = "metadata-generator";
      command = cfg.arguments.run;
      resources = {
        requests = {
          cpu = "1";
          memory = "3Gi";
        };
        limits.memory = "3Gi";
      };
    };
  };
  probe = {
    httpGet = {
      path = "/api/v1/status";
      port = "http";
    };
  };

  manifests = [
    (object "v1" "PersistentVolumeClaim" "fdnix" {
      accessModes = [ "ReadWriteOnce" ];
      resources.requests.storage = size;
    })
    (object "batch/v1" "Job" "fdnix-first" job)
    (object "batch/v1" "CronJob" "fdnix" {
      # minute hour, from HH:MM
      schedule = "${toString (lib.toIntBase10 (lib.substring 3 2 cfg.time))} ${toString (lib.toIntBase10 (lib.substring 0 2 cfg.time))} * * *";
      timeZone = "Etc/UTC";
      concurrencyPolicy = "Forbid";
      jobTemplate.spec = job;
    })
    (object "apps/v1" "Deployment" "fdnix-search" {
      replicas = 1;
      selector.matchLabels = labels "search";
      template = pod {
        name = "search";
        image = "search";
        command = [
          "serve"
          "--host"
          "0.0.0.0"
          "--port"
          (toString cfg.serve.port)
        ];
        env.FDNIX_INDEX = cfg.environment.FDNIX_INDEX or "/data/index.sqlite";
        resources = {
          requests = {
            cpu = "100m";
            memory = "400Mi";
          };
          limits.memory = "1Gi";
        };
        extra = {
          ports = [
            {
              name = "http";
              containerPort = cfg.serve.port;
            }
          ];
          readinessProbe = probe;
          livenessProbe = probe // {
            periodSeconds = 30;
          };
        };
      };
    })
    (object "v1" "Service" "fdnix-search" {
      selector = labels "search";
      ports = [
        {
          name = "http";
          port = 80;
          targetPort = "http";
        }
      ];
    })
  ];
in
if failed != [ ] then
  throw (lib.concatStringsSep " " failed)
else
  # JSON is YAML, and kubectl takes a List as one file.
  writeText "fdnix-k8s.json" (
    builtins.unsafeDiscardStringContext (
      builtins.toJSON {
        apiVersion = "v1";
        kind = "List";
        items = manifests;
      }
    )
  )
