# The exit handler of the workflow knows how it ended; if it fails, so does a workflow that was well.

workflow
    entrypoint: main
    onExit: bye
    hooks:
      watch: {template: bye, expression: 'workflow.status == "Succeeded"'}
    templates:
    - name: main
      container: {image: busybox}
    - name: bye
      container: {image: busybox, args: ["{{workflow.status}}"]}
----
workflow: new -> Running
wf: new -> Pending
create wf

wf succeeds
----
wf: Pending -> Succeeded
wf.hooks.watch: new -> Pending
create wf-bye-4285920007 Succeeded

wf.hooks.watch succeeds
----
wf.hooks.watch: Pending -> Succeeded
wf.onExit: new -> Pending
create wf-bye-403321795 Succeeded

wf.onExit fails
----
wf.onExit: Pending -> Failed (main: Error (exit code 1))
workflow: Running -> Failed (main: Error (exit code 1))
