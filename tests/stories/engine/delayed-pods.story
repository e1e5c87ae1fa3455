# A pod that cannot be made for now says why and stays wanted.

workflow
    entrypoint: main
    templates:
    - name: main
      container: {image: busybox}
----
workflow: new -> Running
wf: new -> Pending
create wf

wf delayed "pods is forbidden: exceeded quota"
----
nothing

show wf message
----
'pods is forbidden: exceeded quota'

wf runs
----
wf: Pending -> Running

wf delayed "too late"
----
nothing

wf succeeds
----
wf: Running -> Succeeded
workflow: Running -> Succeeded
